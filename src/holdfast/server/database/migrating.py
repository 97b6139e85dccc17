"""Bringing the application database to this release, whoever else is just doing the same.

One migration is one file in `migrations/versions`; all that are missing happen in one transaction.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from holdfast.server.database.connecting import WRITER, driver_options, driver_url, prepare
from holdfast.server.database.errors import InvalidDatabase

MIGRATIONS: Final = Path(__file__).with_name("migrations")
VERSION_TABLE: Final = "holdfast_migrations"
PATIENCE: Final = 60.0
# Alembic keeps what it is doing in its modules: one thread of a process at a time may do so.
_ALEMBIC: Final = threading.Lock()


class Migrated(NamedTuple):
    """From which migration to which a database was brought; None is a new one."""

    before: str | None
    after: str | None


def migrate(path: Path) -> Migrated:
    """Make the file if it is not there, and apply the migrations that it does not have yet.

    Raises:
        InvalidDatabase: it is no database, cannot be written, or is of a newer release.
    """
    with _judged(path), _alone(path):
        if not path.exists():
            _make(path)
        _enter_wal(path)
        engine = create_engine(
            driver_url("sqlite+pysqlite", path),
            connect_args=driver_options(patience=PATIENCE),
            poolclass=NullPool,
        )
        prepare(engine)
        with engine.connect().execution_options(**WRITER) as connection, connection.begin():
            return _upgrade(connection)


def _upgrade(connection: Connection) -> Migrated:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    before = _revision(connection)
    if before != ScriptDirectory.from_config(config).get_current_head():
        with _ALEMBIC:
            command.upgrade(config, "head")
    return Migrated(before, _revision(connection))


def _revision(connection: Connection) -> str | None:
    options = {"version_table": VERSION_TABLE}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Keep other processes out that are about to do the same; a dead one keeps nobody out."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make(path: Path) -> None:
    """Make an empty file for its owner alone; what SQLite puts beside it gets the same mode."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _enter_wal(path: Path) -> None:
    """Let readers and a writer work side by side; the file remembers it."""
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise InvalidDatabase(
            str(path), "its file system has no shared memory; put it on a local disk"
        )


@contextmanager
def _judged(path: Path) -> Generator[None]:
    try:
        yield
    except DBAPIError as exc:
        raise InvalidDatabase(str(path), str(exc.orig)) from exc
    except (OSError, sqlite3.Error) as exc:
        raise InvalidDatabase(str(path), str(exc)) from exc
    except CommandError as exc:
        reason = "it was made by a newer release of Holdfast; use that one"
        raise InvalidDatabase(str(path), reason) from exc
