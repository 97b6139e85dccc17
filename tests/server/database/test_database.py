"""Transactions on the application database."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from holdfast.server.database.connecting import driver_url
from holdfast.server.database.database import CONNECTIONS, Database, open_database
from holdfast.server.database.errors import DatabaseUnavailable
from holdfast.server.database.location import database_file, database_url

INSERT = text("INSERT INTO holdfast_setup (token_hash, expires_at) VALUES (:token, :number)")
SUM = text("SELECT coalesce(sum(expires_at), 0) FROM holdfast_setup")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database_url(tmp_path / "application.db")


@pytest.fixture
async def database(url: str) -> AsyncGenerator[Database]:
    async with open_database(url) as database:
        yield database


async def _add(database: Database, token: bytes, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(INSERT, {"token": token, "number": number})


async def _sum(database: Database) -> int:
    async with database.reading() as connection:
        return int((await connection.execute(SUM)).scalar_one())


async def test_what_was_written_is_kept(database: Database, url: str) -> None:
    """Another opening of the same file sees it."""
    await _add(database, b"1", 7)
    async with open_database(url) as other:
        assert await _sum(other) == 7


async def test_a_block_that_raises_keeps_nothing(database: Database) -> None:
    """All of a transaction is undone, and the next one goes through."""

    async def fail() -> None:
        async with database.writing() as connection:
            await connection.execute(INSERT, {"token": b"1", "number": 7})
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await _sum(database) == 0
    await _add(database, b"1", 3)
    assert await _sum(database) == 3


async def test_a_cancelled_writer_keeps_nothing_and_holds_nothing(database: Database) -> None:
    """Its lock is free at once for the next writer."""
    inside = asyncio.Event()

    async def write() -> None:
        async with database.writing() as connection:
            await connection.execute(INSERT, {"token": b"1", "number": 7})
            inside.set()
            await asyncio.Event().wait()

    writer = asyncio.create_task(write())
    await inside.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    await _add(database, b"2", 3)
    assert await _sum(database) == 3


async def test_writers_that_read_first_lose_nothing(database: Database, url: str) -> None:
    """Forty of them on two openings of the file each see what the one before them wrote."""

    async def grow(database: Database, number: int) -> None:
        async with database.writing() as connection:
            before = (await connection.execute(SUM)).scalar_one()
            await connection.execute(text("DELETE FROM holdfast_setup"))
            await connection.execute(INSERT, {"token": b"%d" % number, "number": before + 1})

    async with open_database(url) as other:
        for _ in range(3):
            await asyncio.gather(*(grow((database, other)[n % 2], n) for n in range(40)))
    assert await _sum(database) == 120


async def test_a_reader_sees_one_moment(database: Database) -> None:
    """What is written meanwhile does not come into a block of reading, and does not wait for it."""
    async with database.reading() as connection:
        assert (await connection.execute(SUM)).scalar_one() == 0
        await _add(database, b"1", 7)
        assert (await connection.execute(SUM)).scalar_one() == 0
    assert await _sum(database) == 7


async def test_a_broken_constraint_is_the_callers_to_name(database: Database) -> None:
    """It comes through as it is; what else the driver says does not."""
    await _add(database, b"1", 7)
    with pytest.raises(IntegrityError):
        await _add(database, b"1", 8)
    with pytest.raises(DatabaseUnavailable):
        async with database.writing() as connection:
            await connection.execute(text("SELECT * FROM nothing_of_that_name"))


async def test_a_writer_that_waited_long_enough_says_so(url: str) -> None:
    """Somebody else keeps the file locked: nothing is written, and reading goes on meanwhile."""
    async with open_database(url, patience=0.2) as database:
        with closing(sqlite3.connect(database_file(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailable) as refusal:
                await _add(database, b"1", 7)
            assert refusal.value.retry_after > 0
            assert await _sum(database) == 0
        await _add(database, b"1", 3)
        assert await _sum(database) == 3


async def test_writers_in_a_line_wait_no_longer_than_one(url: str) -> None:
    """The last of twenty is told as soon as the first ones are that others keep the file locked."""
    async with open_database(url, patience=0.2) as database:
        with closing(sqlite3.connect(database_file(url), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.perf_counter()
            writers = (_add(database, b"%d" % n, 1) for n in range(20))
            answers = await asyncio.gather(*writers, return_exceptions=True)
            assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 20
            assert time.perf_counter() - began < 2


async def test_a_database_that_is_gone_is_out_and_not_made_anew(url: str) -> None:
    """An empty one in its place would have no users, and let somebody make the first admin."""
    path = database_file(url)
    async with open_database(url) as database:
        await database.check()
    engine = create_async_engine(driver_url("sqlite+aiosqlite", path))
    path.unlink()
    with pytest.raises(DatabaseUnavailable):
        await Database(engine).check()
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(DatabaseUnavailable):
        await Database(engine).check()
    await engine.dispose()


async def test_who_finds_no_connection_says_so(url: str) -> None:
    """More readers at once than connections: the others wait, and not for ever."""
    async with open_database(url, patience=0.2) as database, AsyncExitStack() as stack:
        for _ in range(CONNECTIONS):
            connection = await stack.enter_async_context(database.reading())
            await connection.execute(SUM)
        with pytest.raises(DatabaseUnavailable):
            await _sum(database)
        await stack.aclose()
        assert await _sum(database) == 0


async def test_callers_who_give_up_leave_no_connection_behind(url: str) -> None:
    """Two hundred readers and writers, cancelled at any moment: the next ones find everything."""
    async with open_database(url, patience=5) as database:
        for turn in range(5):
            callers = [
                asyncio.create_task(_sum(database) if n % 2 else _add(database, b"%d" % n, 1))
                for n in range(40)
            ]
            for _ in range(turn * 3):
                await asyncio.sleep(0)
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            async with database.writing() as connection:
                await connection.execute(text("DELETE FROM holdfast_setup"))
        await asyncio.gather(*(_add(database, b"%d" % n, 1) for n in range(20)))
        assert await _sum(database) == 20


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a/b.db", "a/b.db"),
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite+aiosqlite:///./b.db", "b.db"),
        ("sqlite:////a/with%20space%25.db", "/a/with space%.db"),
    ],
)
def test_urls_of_files_are_understood(url: str, path: str) -> None:
    """Relative and absolute ones, with or without the name of a driver."""
    assert database_file(url) == Path(path)


@pytest.mark.parametrize(
    "url", ["", "postgresql://u:geheim@h/db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "x"]
)
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    """A password in the URL does not come into the message."""
    with pytest.raises(ValueError, match="must") as refusal:
        database_file(url)
    assert "geheim" not in str(refusal.value)


def test_a_path_with_any_character_survives_its_url() -> None:
    """Writing a URL and reading it gives the same file."""
    path = Path("/data/a b%20c#d?e/ü.db")
    assert database_file(database_url(path)) == path
