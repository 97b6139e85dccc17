"""The one place where the driver's errors become ours."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from holdfast.errors import StoreUnavailable

# Primary result codes that say something of the file, the disk or other processes. All others
# (SQLITE_ERROR, CONSTRAINT, MISMATCH, MISUSE, RANGE, TOOBIG …) come from a mistake.
OUTAGES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)

# After these a COMMIT has surely done nothing: its last frame was not written. When the file could
# not be synchronised instead, it may be found after a crash, or not.
UNWRITTEN: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE})


def result_code(error: sqlite3.Error) -> int:
    """Give the primary result code; 0 when the driver complains of its own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


@contextmanager
def translated(*, committing: bool = False) -> Generator[None]:
    """Turn outages into `StoreUnavailable`, and let mistakes be seen as what they are."""
    try:
        yield
    except sqlite3.Error as exc:
        if result_code(exc) not in OUTAGES:
            raise
        unknown = committing and exc.sqlite_errorcode not in UNWRITTEN
        raise StoreUnavailable(
            f"SQLite cannot use its file ({exc.sqlite_errorname}: {exc})",
            outcome="unknown" if unknown else "not_applied",
        ) from exc
