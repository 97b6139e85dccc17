"""What the file at a store's path has to be, and what becomes of one that is not."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.backends.sqlite import SQLiteBackend, Synchronous
from holdfast.backends.sqlite.connections import connect_to_write
from holdfast.backends.sqlite.schema import APPLICATION, VERSION, prepare
from holdfast.errors import HoldfastError, InvalidStore
from holdfast.testing.steps import count, create, read

OPEN_MANY = Path(__file__).with_name("open_many.py")


def _database(path: Path, *commands: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for command in commands:
            connection.execute(command)
        connection.commit()


def _text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 200)


def _damaged(path: Path) -> None:
    _database(path, "CREATE TABLE diary (day)", "PRAGMA application_id = 0x48465331")
    path.write_bytes(path.read_bytes()[:1500])


def _foreign(path: Path) -> None:
    _database(path, "CREATE TABLE diary (day)")


def _foreign_with_a_name(path: Path) -> None:
    _database(path, "PRAGMA application_id = 77")


def _foreign_in_wal(path: Path) -> None:
    _database(path, "PRAGMA journal_mode = WAL", "CREATE TABLE diary (day)")


def _newer(path: Path) -> None:
    _database(
        path,
        "CREATE TABLE sessions (day)",
        f"PRAGMA application_id = {APPLICATION}",
        f"PRAGMA user_version = {VERSION + 1}",
    )


KNOWN = f"this release knows versions up to {VERSION}"
UNFIT: dict[Callable[[Path], None], str] = {
    _text: "it is not an SQLite database",
    _damaged: "it is damaged",
    _foreign: "it is the database of another application",
    _foreign_with_a_name: "it is the database of another application",
    _foreign_in_wal: "it is the database of another application",
    _newer: f"its schema has version {VERSION + 1}, and {KNOWN}",
}


@pytest.mark.parametrize("make", UNFIT)
async def test_a_file_that_is_no_store_is_refused_and_left_alone(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    """The error names the file and what is wrong with it; not a byte changes, no file is added."""
    path = tmp_path / "diary.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(InvalidStore) as caught:
        async with SQLiteBackend(path):
            pass
    assert caught.value.location == str(path)
    assert caught.value.reason.startswith(UNFIT[make])
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, HoldfastError)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "missing/sessions.db"])
async def test_a_path_that_cannot_be_a_file_is_refused(name: str, tmp_path: Path) -> None:
    """A folder is no file, and a folder that is missing is not made."""
    with pytest.raises(InvalidStore, match="a file in a folder that exists"):
        async with SQLiteBackend(tmp_path / name):
            pass
    assert not list(tmp_path.iterdir())


async def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """A file of no bytes holds nothing that could be lost."""
    path = tmp_path / "sessions.db"
    path.touch()
    async with SQLiteBackend(path) as backend:
        await create(backend)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_store_opens_again_with_all_that_it_held(tmp_path: Path) -> None:
    """Closing and opening changes nothing; the path may be a string."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path) as backend:
        before = await create(backend, values={b"tag": b"sealed"}, integers={"messages": 3})
    async with SQLiteBackend(str(path)) as backend:
        assert await read(backend) == before
        assert await count(backend) == 1


async def test_two_backends_share_a_file(tmp_path: Path) -> None:
    """What one has answered, the other reads."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path) as one, SQLiteBackend(path) as other:
        made = await create(one, values={b"tag": b"sealed"})
        assert await read(other) == made


@pytest.mark.slow
async def test_several_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    """One of them makes the schema, the others find it; none fails, round after round."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, OPEN_MANY, tmp_path, stdin=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0] * 4
    for path in tmp_path.glob("*.db"):
        async with SQLiteBackend(path) as backend:
            assert await count(backend, "opened") == 4


class Overtaken(sqlite3.Connection):
    """Lets somebody do something before one of its statements."""

    def before(self, place: int, do: Callable[[], None]) -> "Overtaken":
        self._left = place
        self._do = do
        return self

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self._left -= 1
        if self._left < 0:
            do, self._do = self._do, lambda: None
            do()
        return super().execute(sql, parameters)


@pytest.mark.parametrize("place", range(4))
def test_a_file_that_another_process_has_just_made_is_a_store(tmp_path: Path, place: int) -> None:
    """Between whichever two looks at it that was."""
    path = tmp_path / "sessions.db"

    def come_first() -> None:
        connect_to_write(path, synchronous="FULL", patience=1.0).close()

    with closing(sqlite3.connect(path, isolation_level=None, factory=Overtaken)) as connection:
        prepare(connection.before(place, come_first), str(path))
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)


@pytest.mark.parametrize(("level", "number"), [("NORMAL", 1), ("FULL", 2), ("EXTRA", 3)])
def test_writes_are_as_safe_as_asked(level: Synchronous, number: int, tmp_path: Path) -> None:
    """`synchronous` reaches the connection that writes."""
    path = tmp_path / "sessions.db"
    with closing(connect_to_write(path, synchronous=level, patience=1.0)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (number,)
