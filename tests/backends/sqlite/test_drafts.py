"""Drafts in a file: a row beside the session, written with its batch, gone with it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backend import (
    Create,
    Delete,
    DraftFound,
    DraftKept,
    KeepDraft,
    Operation,
    Purge,
    ReadDraft,
)
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.errors import DecryptionFailed
from holdfast.store import SessionStore
from holdfast.testing import ManualClock
from holdfast.testing.steps import KEY, NAMESPACE, change, create, creation, expect
from holdfast.testing.store_steps import ID, KEYS, Account

SOON = 5.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def drafts(path: Path) -> list[bytes]:
    """Look into the file."""
    with closing(sqlite3.connect(path)) as connection:
        return [sealed for (sealed,) in connection.execute("SELECT sealed FROM drafts")]


async def test_a_draft_is_there_after_the_file_was_closed(path: Path) -> None:
    """As the session is."""
    async with SQLiteBackend(path) as backend:
        await create(backend)
        await expect(backend, KeepDraft(KEY, b"draft"), DraftKept())
    async with SQLiteBackend(path) as backend:
        await expect(backend, ReadDraft(KEY), DraftFound(b"draft"))


async def test_the_drafts_of_another_connection_ring(path: Path) -> None:
    """They move the file, and who listens reads."""
    async with SQLiteBackend(path) as here, SQLiteBackend(path) as there:
        await create(here)
        with here.listen(KEY) as bell:
            for sealed in (b"one", b"two", b"", b"three"):
                await expect(there, KeepDraft(KEY, sealed), DraftKept())
                async with asyncio.timeout(SOON):
                    while await here.execute(ReadDraft(KEY)) != DraftFound(sealed):
                        assert await bell.rung()


async def test_drafts_travel_in_batches(path: Path) -> None:
    """What one batch does to a session and its draft is done in order."""
    again = creation()
    steps: list[Operation] = [
        creation(), KeepDraft(KEY, b"old"), Delete(KEY), again, KeepDraft(KEY, b"one"),
        KeepDraft(KEY, b""), change(append=(b"item",)), KeepDraft(KEY, b"two"),
    ]  # fmt: skip
    async with SQLiteBackend(path) as backend:
        await asyncio.gather(*map(backend.execute, steps))
        assert backend.statistics()["write_batches"] <= 2
        await expect(backend, ReadDraft(KEY), DraftFound(b"two"))
        assert drafts(path) == [b"two"]
        steps = [KeepDraft(KEY, b"three"), Delete(KEY), creation()]
        await asyncio.gather(*map(backend.execute, steps))
        await expect(backend, ReadDraft(KEY), DraftFound(b""))
        assert drafts(path) == []


@pytest.mark.parametrize("collected", [False, True])
async def test_a_draft_leaves_no_row(path: Path, collected: bool) -> None:
    """Taken away, or gone with its session: collected, or replaced by the next of its id."""
    clock = ManualClock()
    async with SQLiteBackend(path, clock=clock.clock) as backend:
        await create(backend)
        for sealed in (b"draft", b""):
            await expect(backend, KeepDraft(KEY, sealed), DraftKept())
        assert drafts(path) == []
        await expect(backend, KeepDraft(KEY, b"draft"), DraftKept())
        assert drafts(path) == [b"draft"]
        clock.advance(3601)
        last: Purge | Create = Purge(NAMESPACE, 10) if collected else creation()
        await backend.execute(last)
        assert drafts(path) == []


@pytest.mark.parametrize("damage", ["'text'", "7", "x'00'", "CAST(x'ff' AS TEXT)"])
async def test_a_damaged_draft_is_one_sessions_trouble(path: Path, damage: str) -> None:
    """It is an error to read it, never no draft; the session is well, and so is the next draft."""
    async with SessionStore(SQLiteBackend(path), model=Account, keys=KEYS) as store:
        await store.create(ID)
        await store.keep_draft(ID, "draft")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE drafts SET sealed = {damage}")
        with pytest.raises(DecryptionFailed):
            await store.read_draft(ID)
        assert await store.exists(ID)
        await store.keep_draft(ID, "next")
        assert await store.read_draft(ID) == "next"
