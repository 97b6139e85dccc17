"""Transactions on the application database."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from holdfast.server.database.database import Database, open_database
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
