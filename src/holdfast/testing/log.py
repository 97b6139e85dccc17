"""The log: numbered 1, 2, 3 …, in the same step as the state, and no number ever used twice."""

from holdfast.backend import Add, Backend, Drop, Dropped, ItemsFound, OverLimit, ReadItems
from holdfast.testing.steps import (
    KEY,
    apply,
    ask,
    change,
    create,
    expect,
    numbers,
    read,
    read_log,
    untouched,
)


async def stretch(backend: Backend, after: int, limit: int) -> list[int]:
    """Read a part of the log and say which numbers it has."""
    found = await ask(backend, ReadItems(KEY, after, limit), ItemsFound)
    return [item.number for item in found.items]


class Logging:
    """Items come in order and leave at the two ends only."""

    async def test_items_are_numbered_in_the_order_of_the_changes(self, backend: Backend) -> None:
        """An answer says which numbers its change was given, and where the log ends."""
        await create(backend)
        first = await apply(backend, append=(b"a",))
        second = await apply(backend, append=(b"b", b"c", b"d"))
        third = await apply(backend)
        places = [(answer.first_item, answer.last_item) for answer in (first, second, third)]
        assert places == [(1, 1), (2, 4), (None, 4)]
        found = await read_log(backend)
        assert [(item.number, item.sealed) for item in found.items] == [
            (1, b"a"), (2, b"b"), (3, b"c"), (4, b"d"),
        ]  # fmt: skip
        assert (found.length, found.last_item) == (4, 4)

    async def test_items_know_where_they_come_from(self, backend: Backend) -> None:
        """Each has the time of its change, and its change id and place as origin."""
        await create(backend)
        await apply(backend, change_id="x:1", append=(b"a", bytes(range(256)), b""))
        record = await read(backend)
        items = (await read_log(backend)).items
        assert [item.origin for item in items] == ["x:1:1", "x:1:2", "x:1:3"]
        assert {item.at for item in items} == {record.updated}
        assert [item.sealed for item in items] == [b"a", bytes(range(256)), b""]

    async def test_the_log_is_read_in_stretches(self, backend: Backend) -> None:
        """From behind a number, as many as asked for; behind the end there is nothing."""
        await create(backend)
        assert await read_log(backend) == ItemsFound((), 0, 0)
        await apply(backend, append=(b"item",) * 10)
        assert await stretch(backend, 0, 3) == [1, 2, 3]
        assert await stretch(backend, 3, 4) == [4, 5, 6, 7]
        assert await stretch(backend, 7, 100) == [8, 9, 10]
        assert await stretch(backend, 10, 5) == []
        assert await stretch(backend, 99, 5) == []
        end = await ask(backend, ReadItems(KEY, 99, 5), ItemsFound)
        assert (end.length, end.last_item) == (10, 10)

    async def test_the_oldest_items_make_room(self, backend: Backend) -> None:
        """Beyond `max_items` the log loses its beginning; the numbers go on."""
        await create(backend)
        for _ in range(3):
            await apply(backend, append=(b"item",) * 2, max_items=4)
        assert await numbers(backend) == [3, 4, 5, 6]
        assert await stretch(backend, 3, 2) == [4, 5]
        assert ((await read(backend)).length, (await read(backend)).last_item) == (4, 6)
        await apply(backend, max_items=1)
        assert await numbers(backend) == [3, 4, 5, 6]
        await apply(backend, append=(b"item",), max_items=2)
        assert await numbers(backend) == [6, 7]

    async def test_one_change_may_bring_more_than_is_kept(self, backend: Backend) -> None:
        """All its items get numbers, the last ones stay."""
        await create(backend)
        await apply(backend, append=(b"old",))
        answer = await apply(
            backend, append=tuple(bytes([place]) for place in range(10)), max_items=3
        )
        assert (answer.first_item, answer.last_item) == (2, 11)
        found = await read_log(backend)
        assert [(item.number, item.sealed) for item in found.items] == [
            (9, b"\x07"), (10, b"\x08"), (11, b"\x09"),
        ]  # fmt: skip

    async def test_the_newest_item_is_popped(self, backend: Backend) -> None:
        """It is given back; its number is never used again."""
        await create(backend)
        await apply(backend, append=(b"a", b"b"))
        newest = (await read_log(backend)).items[-1]
        await expect(backend, Drop(KEY), Dropped(newest, 3))
        assert await numbers(backend) == [1]
        assert (await apply(backend, append=(b"c",))).first_item == 3
        assert await numbers(backend) == [1, 3]
        assert await stretch(backend, 1, 1) == [3]

    async def test_a_cleared_log_goes_on_counting(self, backend: Backend) -> None:
        """All items go, the numbers do not begin again."""
        await create(backend)
        await apply(backend, append=(b"a", b"b", b"c"))
        await expect(backend, Drop(KEY, everything=True), Dropped(None, 3))
        assert await read_log(backend) == ItemsFound((), 0, 3)
        answer = await apply(backend, append=(b"d",))
        assert (answer.first_item, answer.last_item) == (4, 4)
        assert await numbers(backend) == [4]

    async def test_emptied_by_pops_the_log_goes_on_counting(self, backend: Backend) -> None:
        """Not even with the last item does a number come back."""
        await create(backend)
        await apply(backend, append=(b"a", b"b"))
        for revision in (3, 4):
            assert (await ask(backend, Drop(KEY), Dropped)).revision == revision
        await expect(backend, Drop(KEY), Dropped(None, 5))
        assert (await apply(backend, append=(b"c",))).first_item == 3

    async def test_removing_items_is_a_change(self, backend: Backend) -> None:
        """Revision and times move, values and integers do not."""
        await create(backend, values={b"a": b"1"}, integers={"visits": 1})
        await apply(backend, append=(b"a",))
        before = await read(backend)
        await ask(backend, Drop(KEY), Dropped)
        after = await read(backend)
        assert after.updated == after.active >= before.updated
        assert after == before._replace(
            revision=3, length=0, updated=after.updated, active=after.active
        )

    async def test_a_refused_change_leaves_no_item(self, backend: Backend) -> None:
        """Nor does it use up a number."""
        await create(backend)
        async with untouched(backend):
            asked = change(append=(b"a", b"b"), add=(Add("visits", 1, 0),))
            await ask(backend, asked, OverLimit)
        assert (await apply(backend, append=(b"c",))).first_item == 1
