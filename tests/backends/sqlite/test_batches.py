"""Operations that travel together: each sees those before it, none spoils the others."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.backend import (
    Acquire,
    Add,
    Apply,
    Changed,
    ChangeIdReused,
    Conflict,
    Created,
    Delete,
    Deleted,
    Drop,
    Dropped,
    Found,
    Granted,
    LeaseGone,
    Operation,
    Outcome,
    Purge,
    Read,
    Take,
    Touch,
)
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.errors import StoreUnavailable
from holdfast.testing.steps import HOUR, KEY, OTHER_KEY, change, create, creation, numbers, read


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[SQLiteBackend]:
    async with SQLiteBackend(tmp_path / "sessions.db") as backend:
        yield backend


async def _together(backend: SQLiteBackend, *operations: Any) -> list[Outcome]:
    """Have operations answered in one batch."""
    before = backend.statistics()["write_batches"]
    outcomes = await asyncio.gather(*map(backend.execute, operations))
    assert backend.statistics()["write_batches"] == before + 1
    return outcomes


async def test_operations_of_a_batch_see_each_other(backend: SQLiteBackend) -> None:
    """In their order: state, log, lease and remembered changes of one session."""
    one = change(change_id="one", digest=b"1", remember=True, add=(Add("n", 1, 9),), append=(b"a",))
    outcomes = await _together(
        backend,
        creation(),
        one,
        one,
        one._replace(digest=b"2"),
        Acquire(KEY, "token", HOUR),
        change(lease_token="other"),
        change(lease_token="token", add=(Add("n", 1, 9),), append=(b"b", b"c")),
        Drop(KEY),
        change(expect_revision=9),
        Touch(KEY, slide=True),
    )
    kinds = [Created, Changed, Changed, ChangeIdReused, Granted, LeaseGone, Changed, Dropped]
    assert [type(outcome) for outcome in outcomes] == [*kinds, Conflict, Found]
    first, again = outcomes[1:3]
    assert isinstance(first, Changed)
    assert again == first._replace(replayed=True)
    assert (await read(backend)).integers == {"n": 2}
    assert (await read(backend)).revision == 4
    assert await numbers(backend) == [1, 2]


async def test_a_session_may_come_and_go_within_a_batch(backend: SQLiteBackend) -> None:
    """Deleted and created again it is another session, with a log and changes of its own."""
    made = await create(backend, integers={"n": 7})
    one = change(change_id="one", remember=True, append=(b"a",))
    again = creation()
    outcomes = await _together(
        backend, one, Delete(KEY), Delete(KEY), again, again, one, Delete(KEY), creation(), one
    )
    assert outcomes[1:3] == [Deleted(True), Deleted(False)]
    assert outcomes[3] == outcomes[4]
    now = await read(backend)
    assert now.incarnation not in {made.incarnation, again.incarnation}
    assert (now.revision, now.integers, now.length, now.last_item) == (2, {}, 1, 1)
    assert await numbers(backend) == [1]


async def test_items_beyond_the_most_go_within_a_batch(backend: SQLiteBackend) -> None:
    """Appended, dropped and trimmed in one batch, the log is what it would be one by one."""
    await create(backend)
    await _together(backend, change(append=(b"a", b"b", b"c"), max_items=3))
    await _together(
        backend,
        change(append=(b"d", b"e"), max_items=3),
        Drop(KEY),
        change(append=(b"f",), max_items=3),
        change(append=(b"g", b"h"), max_items=4),
        Drop(KEY),
        Drop(KEY),
        Drop(KEY),
    )
    assert await numbers(backend) == [4]
    await _together(
        backend,
        change(append=(b"i",), max_items=2),
        Drop(KEY, everything=True),
        change(append=(b"j", b"k", b"l"), max_items=2),
    )
    assert await numbers(backend) == [11, 12]
    _, dropped = await _together(backend, change(append=(b"m",)), Drop(KEY))
    assert isinstance(dropped, Dropped)
    assert dropped.item is not None
    assert dropped.item.sealed == b"m"
    assert (await read(backend)).length == 2


async def test_a_purge_sees_what_its_batch_did_before(backend: SQLiteBackend) -> None:
    """A session created in the place of an expired one is not collected, and goes on changing."""
    await create(backend, ttl=1)
    await create(backend, OTHER_KEY)
    outcomes = await _together(
        backend,
        creation(),
        change(remember=True, change_id="one", append=(b"a",)),
        Acquire(KEY, "token", HOUR),
        Purge(KEY.partition("/")[0], 100),
        change(remember=True, change_id="one"),
        change(lease_token="token", append=(b"b",)),
    )
    assert outcomes[3] == ((),)
    assert isinstance(outcomes[4], Changed)
    assert outcomes[4].replayed
    assert await numbers(backend) == [1, 2]


@pytest.mark.parametrize(
    "spoiling",
    [
        Touch(OTHER_KEY, ttl=2**70),
        Apply(OTHER_KEY, "id", put={"n": "text"}),  # type: ignore[dict-item]
        Apply(OTHER_KEY, "id", append=("text\ud800",)),  # type: ignore[arg-type]
        Apply("a/\ud800", "id"),
        Take("limit", interval=2**70, burst=1),
        Apply(OTHER_KEY, "id", put={"n": 1}, add=(Add("n", "1", 5),)),  # type: ignore[arg-type]
    ],
)
async def test_an_operation_that_fails_does_not_spoil_the_others(
    spoiling: Any, backend: SQLiteBackend
) -> None:
    """Its own caller sees what is wrong; it changes nothing, and the others are answered."""
    await create(backend)
    before = await create(backend, OTHER_KEY)
    good = [change(append=(b"a",)) for _ in range(3)]
    operations: list[Any] = [good[0], good[1], spoiling, good[2]]
    outcomes = await asyncio.gather(*map(backend.execute, operations), return_exceptions=True)
    assert isinstance(outcomes[2], (OverflowError, TypeError, ValueError, sqlite3.Error))
    assert not isinstance(outcomes[2], StoreUnavailable)
    revisions = [outcome.revision for outcome in outcomes if isinstance(outcome, Changed)]
    assert sorted(revisions) == [2, 3, 4]
    assert await read(backend, OTHER_KEY) == before
    assert await numbers(backend) == [1, 2, 3]


async def test_a_read_that_fails_does_not_spoil_the_others(backend: SQLiteBackend) -> None:
    """A key that SQLite cannot take is its caller's mistake alone."""
    made = await create(backend)
    outcomes = await asyncio.gather(
        *map(backend.execute, (Read(KEY), Read("a/\ud800"), Read(KEY))), return_exceptions=True
    )
    assert outcomes[0] == outcomes[2] == Found(made)
    assert isinstance(outcomes[1], UnicodeEncodeError)


async def test_leaving_answers_what_waits(tmp_path: Path) -> None:
    """Whoever asked before the end is answered; whoever asks after it is told."""
    backend = SQLiteBackend(tmp_path / "sessions.db")
    async with backend:
        await create(backend)
        operations: list[Operation] = [*(change() for _ in range(600)), *[Read(KEY)] * 600]
        waiting = [asyncio.create_task(backend.execute(operation)) for operation in operations]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*waiting)
    assert sum(isinstance(outcome, Changed) for outcome in outcomes) == 600
    assert sum(isinstance(outcome, Found) for outcome in outcomes) == 600
    with pytest.raises(StoreUnavailable, match="closed"):
        await backend.execute(Read(KEY))


async def test_a_caller_that_leaves_takes_nothing_with_it(backend: SQLiteBackend) -> None:
    """Its change is applied whole or not at all, and the others of its batch are answered."""
    await create(backend)
    tasks = [
        asyncio.create_task(backend.execute(change(add=(Add("n", 1, 999),), append=(b"a",))))
        for _ in range(60)
    ]
    for turn, task in enumerate(tasks):
        if turn % 3 == 0:
            await asyncio.sleep(0)
            task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    answered = [outcome.revision for outcome in outcomes if isinstance(outcome, Changed)]
    assert len(set(answered)) == len(answered) >= 40
    record = await read(backend)
    assert record.integers["n"] == record.length == record.revision - 1 >= len(answered)
    assert set(answered) <= set(range(2, record.revision + 1))


async def test_a_store_of_many_sessions_is_listed_by_its_indices(backend: SQLiteBackend) -> None:
    """Neither a listing, a count nor a purge has to look at every session."""
    for name in ("list_sessions", "list_user_sessions", "due_sessions", "count_sessions"):
        plan = await backend._reader.call(_plan, name)
        assert not [step for step in plan if step.startswith("SCAN sessions")], name


def _plan(reader: Any, name: str) -> list[str]:
    statement = reader._statements[name]
    names = ("namespace", "created", "key", "created_to", "user_tag", "minute", "now", "limit")
    rows = reader._connection.execute(f"EXPLAIN QUERY PLAN {statement}", dict.fromkeys(names, 1))
    return [row[3] for row in rows]
