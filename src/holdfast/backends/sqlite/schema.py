"""Whether a file is a session store, and making it one: the schema by its version.

The version stands in `user_version`; `application_id` tells a session store from other SQLite
files. `sql/schema_<version>.sql` leads from the version before to its own.
"""

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

from holdfast.backends.sqlite.outages import result_code
from holdfast.backends.sqlite.statements import statement
from holdfast.errors import InvalidStore

VERSION: Final = 4
APPLICATION: Final = 0x48465331  # "HFS1"

# What SQLite says of a file that will not be a store however often we try.
_UNFIT: Final = {
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; it must be a file in a folder that exists",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore it from a copy",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database; name another file",
    sqlite3.SQLITE_PERM: "this process may not read and write it",
    sqlite3.SQLITE_READONLY: "it can only be read; it and its folder must be writable",
}


def prepare(connection: sqlite3.Connection, location: str) -> None:
    """Make sure that the file is a session store of this version; create or migrate it if need be.

    Several processes may do so at once.

    Raises:
        InvalidStore: it is another application's, or of a newer schema; it was left as it was.
    """
    if _version(connection, location) < VERSION:
        _migrate(connection, location)
    _enter_wal(connection, location)


def _version(connection: sqlite3.Connection, location: str) -> int:
    # In this order: between two of them another process may make a store of an empty file.
    empty = not _number(connection, "SELECT count(*) FROM sqlite_master")
    version = _number(connection, "PRAGMA user_version")
    application = _number(connection, "PRAGMA application_id")
    if application != APPLICATION and not (empty and application == 0 and version == 0):
        raise InvalidStore(location, "it is the database of another application; name another file")
    if version > VERSION:
        raise InvalidStore(
            location,
            f"its schema has version {version}, and this release knows versions up to {VERSION}; "
            "use a newer release",
        )
    return version


def _migrate(connection: sqlite3.Connection, location: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have come first.
        for step in range(_version(connection, location) + 1, VERSION + 1):
            for command in _commands(statement(f"schema_{step}")):
                connection.execute(command)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _enter_wal(connection: sqlite3.Connection, location: str) -> None:
    """Let readers and a writer work side by side; the file remembers it."""
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise InvalidStore(location, "its file system has no shared memory; use a local disk")


@contextmanager
def judged(location: str) -> Generator[None]:
    """Turn what SQLite says of an unfit file into `InvalidStore`."""
    try:
        yield
    except sqlite3.Error as exc:
        reason = _UNFIT.get(result_code(exc))
        if reason is None:
            raise
        raise InvalidStore(location, reason) from exc


def _commands(script: str) -> Iterator[str]:
    """Take a script apart; `executescript` would end the transaction that it runs in."""
    command = ""
    for line in script.splitlines(keepends=True):
        command += line
        if sqlite3.complete_statement(command):
            yield command
            command = ""


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
