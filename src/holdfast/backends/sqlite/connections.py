"""Connections to the file, as both threads need them."""

import sqlite3
from pathlib import Path
from typing import Final, Literal

from holdfast.backends.sqlite.outages import translated
from holdfast.backends.sqlite.schema import judged, prepare

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]

CACHE_KIB: Final = 16_384
CHECKPOINT_PAGES: Final = 4_000
# The log of writes is cut back to this size when it was larger.
LOG_BYTES: Final = 64 << 20


def connect_to_write(
    path: Path, *, synchronous: Synchronous, patience: float
) -> sqlite3.Connection:
    """Open the file, making it a store when it is new.

    Raises:
        InvalidStore: it is no store and cannot become one.
        StoreUnavailable: other processes kept it locked, or the disk failed.
    """
    with translated(), judged(str(path)):
        connection = _connect(path, patience)
        try:
            prepare(connection, str(path))
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            # From here on `writing` waits for other writers, more evenly than SQLite does.
            connection.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            connection.close()
            raise
    return connection


def connect_to_read(path: Path, *, patience: float) -> sqlite3.Connection:
    """Open a store that `connect_to_write` has prepared."""
    with translated():
        connection = _connect(path, patience)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        except BaseException:
            connection.close()
            raise
    return connection


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=patience, isolation_level=None)
