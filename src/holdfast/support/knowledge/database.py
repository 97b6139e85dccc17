"""One SQLite file, or one in memory, that holds a knowledge base."""

import os
import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfast.support.knowledge.errors import KnowledgeUnavailable
from holdfast.support.knowledge.statements import statement

SCHEMA = 1
"""Version of the schema, kept in `user_version`."""

_APPLICATION = 0x484B4231  # "HKB1": tells a knowledge base from other SQLite files
_BUSY_SECONDS = 10.0


class Database:
    """A connection to read and one to write, each used by one thread at a time.

    A file is opened twice, so that reading never waits for writing; what lives in memory has one
    connection for both. Opening creates the schema where there is none yet.

    Raises:
        KnowledgeUnavailable: not a database, another application's, of a newer schema, or the
            folder does not let us in; later, when a statement fails.
    """

    def __init__(self, path: Path | None) -> None:
        self._name = str(path or "in memory")
        with self._translated():
            if path is not None and not path.exists():
                _make(path)
            self.writer = _connect(path)
            self.reader = self.writer if path is None else _connect(path)
        self._writing = threading.Lock()
        self._reading = self._writing if path is None else threading.Lock()
        self._prepare()

    def close(self) -> None:
        with self._writing:
            self.writer.close()
        with self._reading:
            self.reader.close()

    @contextmanager
    def reading(self) -> Generator[None]:
        """See one state of the file for the length of the block."""
        with self._reading, self._translated(), _transaction(self.reader, "BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Generator[None]:
        """Write all of the block or nothing; other writers wait before it, not within."""
        with self._writing, self._translated(), _transaction(self.writer, "BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            raise KnowledgeUnavailable(self._name, str(exc)) from exc

    def _prepare(self) -> None:
        try:
            with self.reading():
                version = self._check(self.reader)
            if version == 0:
                self._create()
        except KnowledgeUnavailable:
            self.close()
            raise

    def _create(self) -> None:
        with self._translated():
            self.writer.execute("PRAGMA journal_mode = WAL")
        with self.writing():
            # Another process may have come first.
            if self._check(self.writer) == 0:
                _write_schema(self.writer)

    def _check(self, connection: sqlite3.Connection) -> int:
        version = _number(connection, "PRAGMA user_version")
        kind = _number(connection, "PRAGMA application_id")
        if _number(connection, "SELECT count(*) FROM sqlite_schema") and kind != _APPLICATION:
            raise KnowledgeUnavailable(self._name, "it is the database of another application")
        if version > SCHEMA:
            reason = f"it has schema {version}, this version of Holdfast reads up to {SCHEMA}"
            raise KnowledgeUnavailable(self._name, reason)
        return version


def _make(path: Path) -> None:
    """Make a file aside, and put it in its place whole; whoever came first has made it.

    SQLite does not wait where the journal of a file changes while others look at it.
    """
    if not path.parent.is_dir():
        return
    with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        aside = Path(folder) / path.name
        with closing(_connect(aside)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                _write_schema(connection)
        try:
            os.link(aside, path)
        except OSError:
            # It is there by now, or the file system has no links: then it is made in its place.
            return


def _write_schema(connection: sqlite3.Connection) -> None:
    for command in _commands(statement("schema")):
        connection.execute(command)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Generator[None]:
    connection.execute(begin)
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _commands(script: str) -> Iterator[str]:
    # Connection.executescript would commit the transaction that the schema is made in.
    command = ""
    for line in script.splitlines(keepends=True):
        command += line
        if sqlite3.complete_statement(command):
            yield command
            command = ""


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])
