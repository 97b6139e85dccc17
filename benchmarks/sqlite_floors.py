"""What SQLite gives without us: no sealing, no revisions, no retries, one blind row a call.

All of it in WAL with `synchronous=FULL`, on a table of its own whose rows are as large as those
that the store keeps, found by the same session ids in the same order.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import aiosqlite

from benchmarks.measuring import CALLERS, Call, Scale, Turn, Work, for_a_while
from benchmarks.visit import topic

# A session of `visit.py` in the store's file: 362 bytes of ciphertext, 180 of times and ids.
ROW_BYTES = 540
Values = tuple[str, str]

PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
TABLE = """CREATE TABLE visits (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, visits INTEGER NOT NULL, topic TEXT NOT NULL
)"""
INSERT = "INSERT INTO visits (name, visits, topic) VALUES (?, 0, ?)"
UPDATE = "UPDATE visits SET visits = visits + 1, topic = ? WHERE name = ?"
SELECT = "SELECT name, visits, topic FROM visits WHERE name = ?"


@contextmanager
def group_commit(path: Path, names: Sequence[str], scale: Scale) -> Iterator[Turn]:
    """Update 64 rows a transaction through `executemany`, in one thread that does nothing else."""
    connection = _connect(path, names)
    numbers = count()

    async def turn() -> Work:
        made, began = 0, time.perf_counter()
        while time.perf_counter() < began + scale.seconds:
            numbered = [next(numbers) for _ in range(CALLERS)]
            _update(connection, [_values(number, names) for number in numbered])
            made += CALLERS
        return Work(made, time.perf_counter() - began)

    try:
        yield turn
    finally:
        connection.close()


@contextmanager
def shared_commit(path: Path, names: Sequence[str], scale: Scale) -> Iterator[Turn]:
    """Update the same rows for callers who each wait for their own answer.

    What they ask for while a transaction is under way goes into the next one, in another thread.
    """
    connection = _connect(path, names, check_same_thread=False)
    waiting: list[tuple[Values, asyncio.Future[None]]] = []
    under_way: set[asyncio.Task[None]] = set()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        while waiting:
            batch = waiting[:CALLERS]
            del waiting[:CALLERS]
            values = [value for value, _ in batch]
            await loop.run_in_executor(thread, _update, connection, values)
            for _, answer in batch:
                answer.set_result(None)
            await asyncio.sleep(0)
        under_way.clear()

    async def update(number: int) -> None:
        answer = asyncio.get_running_loop().create_future()
        waiting.append((_values(number, names), answer))
        if not under_way:
            under_way.add(asyncio.create_task(work()))
        await answer

    with ThreadPoolExecutor(1) as thread:
        yield lambda: for_a_while(update, seconds=scale.seconds)
    connection.close()


class Alone(NamedTuple):
    """Turns of calls that each are a trip of their own through one aiosqlite connection.

    `select` opens a cursor and fetches a row, as its documentation shows; `select_all` is its
    shortcut, one trip to the thread instead of three.
    """

    update: Turn
    select: Turn
    select_all: Turn


@asynccontextmanager
async def autocommit(path: Path, names: Sequence[str], scale: Scale) -> AsyncIterator[Alone]:
    """Make one-row updates, each a transaction, and one-row selects."""
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        await connection.executescript(PRAGMAS + TABLE)
        await connection.executemany(INSERT, [(name, _value(0)) for name in names])

        async def update(number: int) -> None:
            await connection.execute(UPDATE, _values(number, names))

        async def select(number: int) -> None:
            async with connection.execute(SELECT, (names[number % len(names)],)) as cursor:
                await cursor.fetchone()

        async def select_all(number: int) -> None:
            await connection.execute_fetchall(SELECT, (names[number % len(names)],))

        yield Alone(*(_turn(call, scale) for call in (update, select, select_all)))


def _turn(call: Call, scale: Scale) -> Turn:
    return lambda: for_a_while(call, seconds=scale.seconds)


def _connect(path: Path, names: Sequence[str], **settings: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = sqlite3.connect(path, isolation_level=None, **settings)
    connection.executescript(PRAGMAS)
    connection.execute(TABLE)
    connection.execute("BEGIN")
    connection.executemany(INSERT, [(name, _value(0)) for name in names])
    connection.execute("COMMIT")
    return connection


def _update(connection: sqlite3.Connection, batch: list[Values]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(UPDATE, batch)
    connection.execute("COMMIT")


def _values(number: int, names: Sequence[str]) -> Values:
    return _value(number), names[number % len(names)]


def _value(number: int) -> str:
    return topic(number).ljust(ROW_BYTES)
