"""The log of a session: numbered without a gap, and never twice."""

from itertools import chain
from typing import Any, Final

import pytest

from holdfast.change import Change
from holdfast.errors import InvalidSession, SessionNotFound
from holdfast.testing.steps import Advance
from holdfast.testing.store_steps import ID, ROUNDS, Store, Stores, present, together

VALUES: Final[list[Any]] = [{"role": "user", "text": "é"}, [], {}, None, 1.0, "x", True, 2**60]


async def numbers(store: Store) -> list[int]:
    """Say which numbers the log holds."""
    return [item.number for item in await store.items(ID, limit=10_000)]


class KeepingLogs:
    """What is appended is read in order, a page at a time."""

    second: float

    async def test_items_come_back_in_order(self, store: Store) -> None:
        """With their numbers, their times, and exactly as they were."""
        await store.create(ID)
        assert await store.append(ID, *VALUES) == len(VALUES)
        assert await store.append(ID, "last") == len(VALUES) + 1
        items = await store.items(ID)
        assert [item.value for item in items] == [*VALUES, "last"]
        assert [item.number for item in items] == list(range(1, len(VALUES) + 2))
        assert items[-1].at == (await present(store)).updated_at

    async def test_a_log_is_read_in_pages(self, store: Store) -> None:
        """From behind a number; past the end there is nothing."""
        await store.create(ID)
        await store.append(ID, *range(1, 251))
        assert len(await store.items(ID)) == 100
        page = await store.items(ID, after=100, limit=3)
        assert [(item.number, item.value) for item in page] == [(101, 101), (102, 102), (103, 103)]
        assert [item.number for item in await store.items(ID, after=248)] == [249, 250]
        assert await store.items(ID, after=250) == []
        log = await store.read_log(ID, after=249)
        assert ([item.number for item in log.items], log.length, log.last_item) == ([250], 250, 250)

    async def test_a_number_is_never_used_twice(self, store: Store) -> None:
        """Not after a pop, and not after the log was cleared."""
        await store.create(ID)
        await store.append(ID, "a", "b", "c")
        popped = await store.pop_item(ID)
        assert popped is not None
        assert (popped.number, popped.value) == (3, "c")
        assert await store.append(ID, "d") == 4
        assert await numbers(store) == [1, 2, 4]
        await store.clear_items(ID)
        assert await store.items(ID) == []
        assert await store.pop_item(ID) is None
        assert await store.append(ID, "e") == 5
        assert (await store.read_log(ID)).length == 1

    async def test_removing_items_is_a_change(self, store: Store) -> None:
        """Whoever read before it conflicts."""
        await store.create(ID)
        await store.append(ID, "a")
        await store.pop_item(ID)
        await store.clear_items(ID)
        assert (await present(store)).revision == 4

    async def test_the_oldest_items_make_room(self, stores: Stores) -> None:
        """At most `max_items` are kept, also when one change brings more."""
        store = await stores.open(max_items=5)
        await store.create(ID)
        await store.append(ID, *"abc")
        await store.append(ID, *"defg")
        assert await numbers(store) == [3, 4, 5, 6, 7]
        await store.append(ID, *range(8))
        assert await numbers(store) == list(range(11, 16))
        assert (await store.read_log(ID)).length == 5

    async def test_appending_under_contention_leaves_no_gap(self, store: Store) -> None:
        """Each caller's items stand together, under the numbers it was told."""
        await store.create(ID)
        for turn in range(ROUNDS):
            pairs = [(f"{turn}/{place}/a", f"{turn}/{place}/b") for place in range(30)]
            answers = await together(store.append(ID, *pair) for pair in pairs)
            log = {item.number: item.value for item in await store.items(ID, limit=1000)}
            for pair, last in zip(pairs, answers, strict=True):
                assert (log[last - 1], log[last]) == pair
        assert await numbers(store) == list(range(1, 60 * ROUNDS + 1))

    async def test_an_item_is_popped_by_one_caller(self, store: Store) -> None:
        """Thirty pops on twenty items: each item once, ten times nothing."""
        await store.create(ID)
        await store.append(ID, *range(20))
        popped = await together(store.pop_item(ID) for _ in range(30))
        assert sorted(item.value for item in popped if item) == list(range(20))

    async def test_a_session_carries_state_and_log_of_one_moment(self, store: Store) -> None:
        """A counter that counts items never disagrees with the log's last number."""
        await store.create(ID)

        async def write() -> None:
            for place in range(50):
                await store.apply(ID, Change(add={"visits": 1}, append=[place]))

        async def read() -> None:
            for _ in range(50):
                before = (await present(store)).visits
                log = await store.read_log(ID, limit=1)
                assert before <= log.last_item
                assert log.last_item <= (await present(store)).visits

        await together([write(), read(), read()])

    async def test_a_log_ends_with_its_session(self, store: Store, advance: Advance) -> None:
        """Deleted or expired, its items are gone with it."""
        for _ in range(2):
            await store.create(ID, ttl=2 * self.second)
            await store.append(ID, "secret")
            await advance(3)
            with pytest.raises(SessionNotFound):
                await store.items(ID)
        await store.create(ID)
        assert (await store.read_log(ID))[1:] == (0, 0)

    async def test_the_bounds_of_reading_and_appending_are_kept(self, store: Store) -> None:
        """A page has 1 to 10,000 items; a change appends at most 1,000."""
        await store.create(ID)
        for wrong in (0, -1, 10_001, True, "5", None, 1.0):
            with pytest.raises(InvalidSession, match="limit"):
                await store.items(ID, limit=wrong)  # type: ignore[arg-type]
        for wrong in (-1, 2**53, "1", None, True):
            with pytest.raises(InvalidSession, match="after"):
                await store.items(ID, after=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidSession, match="append"):
            await store.append(ID, *range(1001))
        assert await store.append(ID, *range(1000)) == 1000
        assert list(chain(await numbers(store))) == list(range(1, 1001))
