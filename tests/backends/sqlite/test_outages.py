"""What a caller is told when the file cannot be used, and what it is told of mistakes."""

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backends.sqlite import SQLiteBackend
from holdfast.backends.sqlite.outages import translated
from holdfast.errors import StoreUnavailable
from holdfast.testing.steps import KEY, apply, change, create, read, read_log

FILL = Path(__file__).with_name("fill_the_disk.py")


def _error(name: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("said the driver")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


@pytest.mark.parametrize(
    ("name", "while_committing"),
    [
        ("SQLITE_BUSY", "not_applied"),
        ("SQLITE_FULL", "not_applied"),
        ("SQLITE_IOERR_WRITE", "not_applied"),
        ("SQLITE_IOERR", "unknown"),
        ("SQLITE_IOERR_FSYNC", "unknown"),
        ("SQLITE_IOERR_SHMMAP", "unknown"),
        ("SQLITE_CANTOPEN", "unknown"),
        ("SQLITE_CORRUPT", "unknown"),
        ("SQLITE_NOTADB", "unknown"),
        ("SQLITE_READONLY", "unknown"),
        ("SQLITE_NOMEM", "unknown"),
    ],
)
def test_an_outage_says_whether_it_was_applied(name: str, while_committing: str) -> None:
    """Before the commit nothing was; a commit that failed after its last frame may have been."""
    for committing, outcome in ((False, "not_applied"), (True, while_committing)):
        refused = pytest.raises(StoreUnavailable, match=name)
        with refused as caught, translated(committing=committing):
            raise _error(name, getattr(sqlite3, name))
        assert caught.value.outcome == outcome


@pytest.mark.parametrize(
    "error",
    [
        _error("SQLITE_ERROR", sqlite3.SQLITE_ERROR),
        _error("SQLITE_CONSTRAINT_UNIQUE", sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        _error("SQLITE_MISMATCH", sqlite3.SQLITE_MISMATCH),
        _error("SQLITE_MISUSE", sqlite3.SQLITE_MISUSE),
        _error("SQLITE_RANGE", sqlite3.SQLITE_RANGE),
        _error("SQLITE_TOOBIG", sqlite3.SQLITE_TOOBIG),
        sqlite3.ProgrammingError("Cannot operate on a closed database."),
        TypeError("no driver at all"),
    ],
)
def test_a_mistake_does_not_look_like_an_outage(error: Exception) -> None:
    """It is raised as it is."""
    with pytest.raises(type(error)) as caught, translated():
        raise error
    assert caught.value is error


async def test_a_writer_that_stays_locked_out_says_so(tmp_path: Path) -> None:
    """After its patience, with nothing applied; reading goes on, and writing does once it can."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path, patience=0.2) as backend:
        await create(backend)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="SQLITE_BUSY") as caught:
                await backend.execute(change())
            assert 0.2 <= time.monotonic() - began < 2.0
            assert caught.value.outcome == "not_applied"
            assert (await read(backend)).revision == 1
            other.execute("ROLLBACK")
        assert (await apply(backend)).revision == 2


@pytest.mark.slow
async def test_a_full_disk_refuses_and_leaves_the_file_sound(tmp_path: Path) -> None:
    """Answered changes are there, refused ones are not, and reading works all along."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path) as backend:
        await create(backend, integers={"changes": 0})
    process = await asyncio.create_subprocess_exec(
        sys.executable, FILL, path, KEY, str(600_000), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    answered, outcome, readable = output.decode().split()
    assert (outcome, readable) == ("not_applied", "True")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    async with SQLiteBackend(path) as backend:
        assert (await read(backend)).integers == {"changes": int(answered)}
        assert int(answered) > 10
        assert (await apply(backend)).revision == int(answered) + 2
        assert (await read_log(backend)).items == ()
