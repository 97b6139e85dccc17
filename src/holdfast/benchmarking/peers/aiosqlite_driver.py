"""The floor: the plain driver on one connection, one statement a call, nothing sealed."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from json import dumps
from pathlib import Path
from typing import Any, Final

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.work import (
    APPEND,
    CHANGE,
    COUNT,
    INCREMENT,
    LIST,
    LISTED,
    READ,
    RECALL,
    RECALLED,
    RENEW,
    messages,
)

TABLES: Final = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
CREATE TABLE sessions (id TEXT PRIMARY KEY, topic TEXT NOT NULL, visits INTEGER NOT NULL);
CREATE TABLE items (n INTEGER PRIMARY KEY, id TEXT NOT NULL, value TEXT NOT NULL);
CREATE INDEX items_by_session ON items (id, n);
"""
INSERT: Final = "INSERT INTO sessions VALUES (?, 'none yet', 0)"
TURN: Final = "INSERT INTO items (id, value) VALUES (?, ?), (?, ?)"
LATEST: Final = "SELECT value FROM items WHERE id = ? ORDER BY n DESC LIMIT ?"


class PlainDriver:
    """Rows of two tables."""

    def __init__(self, connection: Any) -> None:
        self._rows = connection.execute_fetchall
        self._insert_many = connection.executemany
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            CHANGE: self._change,
            INCREMENT: self._increment,
            APPEND: self._append,
            RECALL: self._recall,
            RENEW: self._renew,
            LIST: self._list,
            COUNT: self._count,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Insert these rows in one transaction."""
        await self._rows("BEGIN")
        await self._insert_many(INSERT, [(session_id,) for session_id in session_ids])
        await self._rows("COMMIT")

    async def fill(self, sessions: int) -> None:
        """Insert this many rows."""
        await self.begin([f"filled-{number}" for number in range(sessions)])

    async def kept(self, session_id: str) -> Kept:
        """Count rows and look at the counter."""
        (items,) = await self._rows("SELECT count(*) FROM items WHERE id = ?", (session_id,))
        (visits,) = await self._rows("SELECT visits FROM sessions WHERE id = ?", (session_id,))
        return Kept(items[0] // 2, visits[0])

    async def settings(self) -> str:
        """Ask the connection."""
        ((journal,),) = await self._rows("PRAGMA journal_mode")
        ((synchronous,),) = await self._rows("PRAGMA synchronous")
        return f"journal_mode={journal}, synchronous={synchronous} (set on its one connection)"

    async def _read(self, session_id: str, number: int) -> bool:
        return bool(await self._rows("SELECT * FROM sessions WHERE id = ?", (session_id,)))

    async def _change(self, session_id: str, number: int) -> bool:
        values = (f"topic {number}", session_id)
        await self._rows("UPDATE sessions SET topic = ? WHERE id = ?", values)
        return True

    async def _increment(self, session_id: str, number: int) -> bool:
        await self._rows("UPDATE sessions SET visits = visits + 1 WHERE id = ?", (session_id,))
        return True

    async def _append(self, session_id: str, number: int) -> bool:
        question, answer = map(dumps, messages(number))
        await self._rows(TURN, (session_id, question, session_id, answer))
        return True

    async def _recall(self, session_id: str, number: int) -> bool:
        await self._append(session_id, number)
        await self._rows(LATEST, (session_id, RECALLED))
        return True

    async def _renew(self, session_id: str, number: int) -> bool:
        renewed = f"{session_id}-renewed-{number}"
        await self._rows(INSERT, (renewed,))
        await self._rows("DELETE FROM sessions WHERE id = ?", (renewed,))
        return True

    async def _list(self, session_id: str, number: int) -> bool:
        rows = await self._rows("SELECT * FROM sessions ORDER BY id LIMIT ?", (LISTED,))
        return len(rows) == LISTED

    async def _count(self, session_id: str, number: int) -> bool:
        return bool(await self._rows("SELECT count(*) FROM sessions"))


@asynccontextmanager
async def open_in(folder: Path) -> AsyncGenerator[Contender]:
    """Open a file of its own."""
    connect = import_module("aiosqlite").connect
    async with connect(folder / "plain.db", isolation_level=None) as connection:
        await connection.executescript(TABLES)
        yield PlainDriver(connection)
