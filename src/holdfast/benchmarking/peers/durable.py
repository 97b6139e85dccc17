"""SQLite files of peers, opened through SQLAlchemy with the settings that our store has."""

import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, Final

SYNCHRONOUS: Final = "PRAGMA synchronous"
JOURNAL: Final = "PRAGMA journal_mode"


def engine(path: Path) -> Any:
    """Make an engine whose connections all write ahead and wait for the disk at each commit."""
    made = import_module("sqlalchemy.ext.asyncio").create_async_engine(
        f"sqlite+aiosqlite:///{path}"
    )
    import_module("sqlalchemy").event.listen(made.sync_engine, "connect", _set)
    return made


async def settings(made: Any) -> str:
    """Say what a connection of an engine answers."""
    async with made.connect() as connection:
        answers = [
            (await connection.exec_driver_sql(question)).scalar()
            for question in (JOURNAL, SYNCHRONOUS)
        ]
    return f"journal_mode={answers[0]}, synchronous={answers[1]} (set as each connection opens)"


def settings_of_file(path: Path) -> str:
    """Say what a connection to a file answers that sets nothing itself."""
    with closing(sqlite3.connect(path)) as connection:
        journal, synchronous = (
            connection.execute(question).fetchone()[0] for question in (JOURNAL, SYNCHRONOUS)
        )
    return f"journal_mode={journal}, synchronous={synchronous} (its own, and SQLite's default)"


def _set(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"{JOURNAL}=WAL")
    cursor.execute(f"{SYNCHRONOUS}=FULL")
    cursor.close()
