"""Transactions: several readings of one state of the file, or a batch of writes all at once."""

import random
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager

from holdfast.backends.sqlite.outages import result_code, translated

# SQLite itself would wait longer each time, up to 100 ms, and starve beside a busy process.
SHORTEST_WAIT = 0.0002
LONGEST_WAIT = 0.002


@contextmanager
def reading(connection: sqlite3.Connection) -> Generator[None]:
    """See one state of the file for the length of the block."""
    with translated():
        _clear(connection)
        connection.execute("BEGIN")
        try:
            yield
        finally:
            _clear(connection)


@contextmanager
def writing(connection: sqlite3.Connection, *, patience: float) -> Generator[None]:
    """Write all of the block or nothing, alone; wait `patience` seconds for other writers.

    Raises:
        StoreUnavailable: nothing was written, or (outcome="unknown") nobody can tell.
    """
    with translated():
        _clear(connection)
        _begin(connection, patience)
        try:
            yield
            with translated(committing=True):
                connection.execute("COMMIT")
        finally:
            _clear(connection)


def _clear(connection: sqlite3.Connection) -> None:
    """End the transaction that a block left open; some errors have ended it already."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _begin(connection: sqlite3.Connection, patience: float) -> None:
    last = time.monotonic() + patience
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as exc:
            if result_code(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
        else:
            return
        time.sleep(random.uniform(SHORTEST_WAIT, LONGEST_WAIT))  # noqa: S311 - no secret
