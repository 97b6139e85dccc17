"""A store that went back behind what this process has seen is found out, once."""

import pytest

from holdfast import SessionRolledBack
from holdfast.backend import Found, Operation, Outcome, Read, Record
from holdfast.backends.memory import MemoryBackend
from holdfast.change import Change
from holdfast.testing.store_steps import ID, present, together
from holdfast.watermarks import MARKS_KEPT, Watermarks
from tests.faulty import store_on


def test_a_mark_rises_and_a_smaller_revision_is_told_once() -> None:
    """Then the mark is lowered to what the store has."""
    marks = Watermarks()
    marks.compare("a", marks.before("a"), "x", 5)
    marks.compare("a", marks.before("a"), "x", 5)
    with pytest.raises(SessionRolledBack) as caught:
        marks.compare("a", marks.before("a"), "x", 3)
    assert (caught.value.seen, caught.value.found, marks.rollbacks) == (5, 3, 1)
    marks.compare("a", marks.before("a"), "x", 3)
    marks.compare("a", marks.before("a"), "x", 4)
    assert marks.before("a") == ("x", 4)


def test_answers_may_overtake_each_other() -> None:
    """An older answer to an older question is no rollback, and does not lower the mark."""
    marks = Watermarks()
    asked_first = marks.before("a")
    marks.compare("a", marks.before("a"), "x", 7)
    marks.compare("a", asked_first, "x", 6)
    assert (marks.before("a"), marks.rollbacks) == (("x", 7), 0)


def test_another_incarnation_begins_anew() -> None:
    """Revisions are compared within one life of an id."""
    marks = Watermarks()
    marks.compare("a", None, "x", 9)
    marks.compare("a", marks.before("a"), "y", 1)
    assert marks.before("a") == ("y", 1)


def test_marks_are_bounded_and_those_in_use_stay() -> None:
    """The sessions that were not asked for the longest are forgotten first."""
    marks = Watermarks()
    for place in range(MARKS_KEPT):
        marks.compare(str(place), None, "x", 1)
    marks.compare("0", marks.before("0"), "x", 1)
    marks.compare("one more", None, "x", 1)
    assert len(marks) == MARKS_KEPT
    assert marks.before("0") is not None
    assert marks.before("1") is None


class GoesBack(MemoryBackend):
    """Answers reads from an older copy, as a replica that was promoted too early does."""

    copy: Record | None = None

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Read) and self.copy is not None:
            return Found(self.copy)
        return await super().execute(operation)


async def test_a_reader_is_told_that_the_store_went_back() -> None:
    """Once; the statistics count it, and the next read shows what there is."""
    backend = GoesBack()
    async with store_on(backend) as store:
        await store.create(ID, topic="old")
        entry = backend._find(f"conformance/{ID}")
        assert entry is not None
        older = entry.record
        await store.update(ID, topic="new")
        backend.copy = older
        with pytest.raises(SessionRolledBack) as caught:
            await store.get(ID)
        assert (caught.value.session_id, caught.value.seen, caught.value.found) == (ID, 2, 1)
        assert (await present(store)).topic == "old"
        assert (await store.get_stats()).rollbacks == 1


async def test_a_writer_is_told_that_the_store_went_back() -> None:
    """A revision that was answered before is answered again: acknowledged changes were lost."""
    backend = MemoryBackend()
    async with store_on(backend) as store:
        await store.create(ID)
        entry = backend._find(f"conformance/{ID}")
        assert entry is not None
        older = entry.record
        for _ in range(3):
            await store.increment_counter(ID, "visits")
        entry.record = older
        with pytest.raises(SessionRolledBack):
            await store.increment_counter(ID, "visits")
        assert await store.increment_counter(ID, "visits") == 2


async def test_a_sound_store_is_never_accused() -> None:
    """Readers, writers, replays and new lives of the id, all at once."""
    async with store_on(MemoryBackend()) as store:
        for _ in range(3):
            await store.create(ID)
            once = Change(change_id="mine", add={"visits": 1})
            await together(store.apply(ID, once) for _ in range(20))
            await together(
                store.increment_counter(ID, "visits") if place % 2 else store.get(ID)
                for place in range(100)
            )
            await store.apply(ID, once)
            await store.delete(ID)
        assert (await store.get_stats()).rollbacks == 0
