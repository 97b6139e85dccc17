"""A row that cannot be taken apart is one session's trouble, and can be removed."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.backend import (
    Absent,
    Acquire,
    Changed,
    Delete,
    Deleted,
    Drop,
    Found,
    List,
    Listed,
    Purge,
    Purged,
    Read,
    Where,
)
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.errors import DecryptionFailed
from holdfast.store import SessionStore
from holdfast.testing import ManualClock
from holdfast.testing.steps import HOUR, KEY, NAMESPACE, OTHER_KEY, ask, change, count, create
from holdfast.testing.store_steps import ID, KEYS, OTHER, Account

DAMAGES: dict[str, tuple[str, object]] = {
    "a tag without a value": ("sealed", b"\1\0\0\0\0\0\0\0"),
    "lengths that are missing": ("sealed", b"\x08\0\0\0"),
    "nothing": ("sealed", b""),
    "values that are cut off": ("sealed", b"\2\0\0\0\3\0\0\0\x09\0\0\0tagseal"),
    "values with more behind them": ("sealed", b"\0\0\0\0more"),
    "values that are text": ("sealed", "text"),
    "values that are a number": ("sealed", 7),
    "no JSON": ("integers", "{"),
    "another kind of JSON": ("integers", "[1]"),
    "integers that are text": ("integers", '{"n":"1"}'),
    "endless JSON": ("integers", "[" * 100_000),
    "bytes that are no characters": ("integers", b'{"n\xff":1}'),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def backend(path: Path, clock: ManualClock) -> AsyncIterator[SQLiteBackend]:
    async with asyncio.timeout(20), SQLiteBackend(path, clock=clock.clock) as backend:
        yield backend


def damage(path: Path, column: str, value: object, *, table: str = "sessions") -> None:
    """Write nonsense into the first session."""
    of_the_first = "session = 1" if table == "changes" else "id = 1"
    kept = "CAST(? AS TEXT)" if column == "integers" else "?"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE {table} SET {column} = {kept} WHERE {of_the_first}", (value,))
        connection.commit()


async def gather(backend: SQLiteBackend, *operations: Any) -> list[Any]:
    """Ask for several things at once, as strangers do."""
    answers = map(backend.execute, operations)
    return list(await asyncio.gather(*answers, return_exceptions=True))


@pytest.mark.parametrize("what", DAMAGES)
async def test_others_are_answered_beside_a_damaged_row(
    what: str, backend: SQLiteBackend, path: Path
) -> None:
    """Only who asks for it is told, by its name; a batch with it is one batch all the same."""
    await create(backend)
    other = await create(backend, OTHER_KEY)
    damage(path, *DAMAGES[what])
    before = backend.statistics()
    answers = await gather(backend, Read(OTHER_KEY), Read(KEY), Read(OTHER_KEY))
    assert answers[0] == answers[2] == Found(other)
    refused = [answers[1]]
    appended = change(OTHER_KEY, append=(b"a",))
    answers = await gather(backend, appended, change(), appended, Acquire(KEY, "t", 1), Drop(KEY))
    assert [type(answer) for answer in answers[0:3:2]] == [Changed] * 2
    for answer in (*refused, answers[1], answers[3], answers[4]):
        assert isinstance(answer, DecryptionFailed)
        assert (answer.session_id, answer.reason) == ("alpha", "its row is damaged")
    after = backend.statistics()
    assert after["write_batches"] == before["write_batches"] + 1


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_damaged_session_can_be_deleted_and_created_again(
    what: str, backend: SQLiteBackend, path: Path
) -> None:
    """Until then its id is taken."""
    await create(backend)
    damage(path, *DAMAGES[what])
    (refused,) = await gather(backend, change())
    assert isinstance(refused, DecryptionFailed)
    assert await backend.execute(Delete(KEY)) == Deleted(True)
    assert await backend.execute(Read(KEY)) == Absent()
    assert await count(backend) == 0
    await create(backend)


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_damaged_session_is_collected(
    what: str, backend: SQLiteBackend, path: Path, clock: ManualClock
) -> None:
    """It expires like any other, and makes room for a session of its name."""
    await create(backend, ttl=HOUR)
    await create(backend, OTHER_KEY, ttl=HOUR)
    damage(path, *DAMAGES[what])
    clock.advance(2 * 3600)
    assert await backend.execute(Read(KEY)) == Absent()
    assert await backend.execute(change()) == Absent()
    purged = await ask(backend, Purge(NAMESPACE, 10), Purged)
    assert sorted(purged.session_ids) == ["alpha", "beta"]


async def test_a_damaged_session_past_its_deadline_makes_room(
    backend: SQLiteBackend, path: Path, clock: ManualClock
) -> None:
    """Creating replaces it, without looking into it."""
    await create(backend, ttl=HOUR)
    damage(path, "sealed", b"")
    clock.advance(2 * 3600)
    made = await create(backend)
    assert await backend.execute(Read(KEY)) == Found(made)


async def test_a_damaged_session_keeps_its_place_in_a_listing(
    backend: SQLiteBackend, path: Path
) -> None:
    """What is listed of it does not open; the others are whole."""
    await create(backend, values={b"tag": b"sealed"})
    other = await create(backend, OTHER_KEY)
    damage(path, "sealed", b"")
    listed = await ask(backend, List(NAMESPACE, 10, None, Where()), Listed)
    assert [session_id for session_id, _ in listed.sessions] == ["alpha", "beta"]
    assert listed.sessions[1][1] == other
    assert listed.sessions[0][1].values == {b"": b""}


async def test_a_damaged_memory_of_changes_is_its_sessions_trouble(
    backend: SQLiteBackend, path: Path
) -> None:
    """A change that may have been applied is refused; other changes of the session go on."""
    await create(backend)
    await create(backend, OTHER_KEY)
    one = change(change_id="one", digest=b"1", remember=True)
    assert isinstance(await backend.execute(one), Changed)
    damage(path, "integers", "{", table="changes")
    answers = await gather(backend, change(OTHER_KEY), one, change())
    assert [type(answer) for answer in answers] == [Changed, DecryptionFailed, Changed]


async def test_a_store_counts_damaged_sessions_and_lists_the_others(path: Path) -> None:
    """Reading one raises; deleting it works."""
    async with asyncio.timeout(20), _store(path) as store:
        await store.create(ID)
        await store.create(OTHER)
        damage(path, "sealed", b"\1\0\0\0\0\0\0\0")
        page = await store.list_active()
        assert [session.session_id for session in page.sessions] == [OTHER]
        assert (await store.get_stats()).unreadable_sessions == 1
        with pytest.raises(DecryptionFailed, match="its row is damaged"):
            await store.get(ID)
        assert await store.delete(ID)
        await store.create(ID)


def _store(path: Path) -> SessionStore[Account]:
    return SessionStore(SQLiteBackend(path), model=Account, keys=KEYS)
