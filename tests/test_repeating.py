"""What retries say of themselves, so that no backend has to guess."""

from collections.abc import Sequence
from typing import Any

import pytest

from holdfast import Change, InvalidSession, StoreUnavailable
from holdfast.backend import Apply, Delete, Operation, Outcome
from holdfast.backends.memory import MemoryBackend
from holdfast.retrying import Resilient, RetryPolicy
from holdfast.testing.replaying import MANY
from holdfast.testing.steps import creation
from holdfast.testing.store_steps import ID, Shared, Store, present
from tests.faulty import Fault, Faulty, patient, store_on

POLICY = RetryPolicy(attempts=5, first_pause=0.001, reserve=100)


class Seen:
    """Plans faults for the changes of a session, and keeps what was sent."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._faults: list[Fault] = [*faults]
        self.changes: list[Apply] = []
        self.deletions: list[Delete] = []

    def __call__(self, operation: Operation) -> Fault:
        if isinstance(operation, Delete):
            self.deletions.append(operation)
        if not isinstance(operation, Apply):
            return "none"
        self.changes.append(operation)
        return self._faults.pop(0) if self._faults else "none"

    @property
    def repeated(self) -> list[bool]:
        return [change.repeated for change in self.changes]


async def increment(store: Store) -> int:
    return await store.increment_counter(ID, "visits")


@pytest.mark.parametrize(
    ("faults", "repeated"),
    [
        ((), [False]),
        (("lose_answer",), [False, True]),
        (("refuse",), [False, False]),
        (("refuse", "lose_answer"), [False, False, True]),
        (("lose_answer", "refuse", "refuse"), [False, True, True, True]),
    ],
)
async def test_a_change_that_may_have_been_applied_says_so(
    faults: Sequence[Fault], repeated: list[bool]
) -> None:
    """From the first lost answer on; what was refused before it was applied is sent as new."""
    seen = Seen(faults)
    async with Faulty(MemoryBackend(), plan=seen) as faulty:
        backend = patient(Resilient(faulty, deadline=60, policy=POLICY))
        async with store_on(Shared(backend)) as store:
            await store.create(ID)
            assert await increment(store) == 1
    assert seen.repeated == repeated
    assert len({change.change_id for change in seen.changes}) == 1


async def test_a_change_says_what_was_known_when_it_was_sent() -> None:
    """The revision that this process has seen last, 0 where it has seen none."""
    seen = Seen()
    async with Faulty(MemoryBackend(), plan=seen) as faulty, store_on(Shared(faulty)) as store:
        await store.create(ID)
        await increment(store)
        await increment(store)
        await present(store)
        await increment(store)
        await store.set(await present(store))
    assert [change.known_revision for change in seen.changes] == [1, 2, 3, 4]


async def test_a_deletion_is_recognised_where_answers_can_be_lost() -> None:
    """Each has an id of its own."""
    seen = Seen()
    async with Faulty(MemoryBackend(), plan=seen) as faulty, store_on(Shared(faulty)) as store:
        await store.delete(ID)
        await store.delete(ID)
    first, second = [deletion.change_id for deletion in seen.deletions]
    assert "" not in {first, second}
    assert first != second


class Overtaken(Faulty):
    """Lets many others change the session before a repetition arrives."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply) and operation.repeated:
            for number in range(MANY):
                await self._backend.execute(Apply(operation.key, f"other {number}", remember=True))
        return await super().execute(operation)


async def test_a_retry_that_comes_too_late_is_not_applied_twice() -> None:
    """The caller is told that nobody knows; the change was applied once."""
    seen = Seen(["lose_answer"])
    async with Overtaken(MemoryBackend(), plan=seen) as faulty:
        backend = patient(Resilient(faulty, deadline=60, policy=POLICY))
        async with store_on(Shared(backend)) as store:
            await store.create(ID)
            with pytest.raises(StoreUnavailable) as caught:
                await store.apply(ID, Change(append=["once"]))
            assert caught.value.outcome == "unknown"
            items = await store.items(ID, limit=10_000)
    assert seen.repeated == [False, True]
    assert [item.value for item in items if item.value == "once"] == ["once"]


class Reborn(Faulty):
    """Has the session end, and another begin under its id, before a repetition arrives."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply) and operation.repeated:
            await self._backend.execute(Delete(operation.key))
            await self._backend.execute(creation(operation.key))
        return await super().execute(operation)


@pytest.mark.parametrize(
    "change",
    [Change(append=["once"]), Change(expect_revision=1), Change(change_id="mine")],
)
async def test_a_retry_that_comes_to_another_session_is_not_applied_twice(change: Change) -> None:
    """It was applied to the one that was there before."""
    seen = Seen(["lose_answer"])
    async with Reborn(MemoryBackend(), plan=seen) as faulty:
        backend = patient(Resilient(faulty, deadline=60, policy=POLICY))
        async with store_on(Shared(backend)) as store:
            made = await store.create(ID)
            with pytest.raises(StoreUnavailable) as caught:
                await store.apply(ID, change)
            assert caught.value.outcome == "unknown"
            assert await store.items(ID) == []
    assert [sent.known_incarnation for sent in seen.changes] == [made.incarnation] * 2


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"known_revision": 1}, "change_id"),
        ({"known_revision": -1, "change_id": "c"}, "0 or more"),
        ({"known_revision": True, "change_id": "c"}, "integer"),
        ({"known_revision": "1", "change_id": "c"}, "integer"),
    ],
)
def test_a_known_revision_belongs_to_a_change_sent_before(
    change: dict[str, Any], rule: str
) -> None:
    """It is a revision, and comes with the id under which the change was sent."""
    with pytest.raises(InvalidSession, match=rule) as caught:
        Change(**change)
    assert caught.value.field == "known_revision"
    assert Change(change_id="c", known_revision=0).known_revision == 0
