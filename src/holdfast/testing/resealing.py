"""Re-sealing: ciphertext takes the place of ciphertext, and nothing else moves."""

import asyncio
from typing import Final

from holdfast.backend import (
    Absent,
    Backend,
    Delete,
    Drop,
    List,
    Listed,
    Operation,
    Reseal,
    Resealed,
    Swap,
    SwapItem,
    Where,
)
from holdfast.testing.drafting import drafted, keep
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    OTHER_KEY,
    Advance,
    apply,
    ask,
    change,
    create,
    expect,
    read,
    read_log,
)

SOON: Final = 5.0
SWAPPED: Final = Swap(b"t1", b"v1", b"t9", b"v9")


class Resealing:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def test_every_part_is_exchanged(self, backend: Backend) -> None:
        """Values with their names, items where they stand, draft; what is not named stays."""
        await create(backend, values={b"t1": b"v1", b"t2": b"v2", b"m": b"v3"})
        await apply(backend, append=(b"one", b"two", b"three"), change_id="a-change")
        await apply(backend, append=tuple(b"%d" % number for number in range(300)))
        await keep(backend, b"draft")
        before = (await read_log(backend)).items
        swaps = (
            SWAPPED,
            Swap(b"m", b"v3", b"mm", b"longer than before"),
            Swap(b"t2", b"v2", b"t2", b"w"),
        )
        items = tuple(
            SwapItem(number, before[number - 1].sealed, b"resealed %d" % number)
            for number in (2, 3, 4, 303)
        )
        exchange = Reseal(KEY, swaps, items, (b"draft", b"note"))
        await expect(backend, exchange, Resealed(8))
        await expect(backend, exchange, Resealed(0))
        assert (await read(backend)).values == {
            b"t9": b"v9",
            b"mm": b"longer than before",
            b"t2": b"w",
        }
        assert await drafted(backend) == b"note"
        fresh = {swap.number: swap.resealed for swap in items}
        assert (await read_log(backend)).items == tuple(
            item._replace(sealed=fresh.get(item.number, item.sealed)) for item in before
        )

    async def test_what_was_written_anew_stays(self, backend: Backend) -> None:
        """A value, an item or a draft that is not what it was, or is gone, is left alone."""
        await create(backend, values={b"t1": b"new"}, user_tag=b"ann")
        await apply(backend, append=(b"one", b"two"))
        await backend.execute(Drop(KEY))
        await keep(backend, b"new")
        swaps = SWAPPED, Swap(b"gone", b"v", b"t3", b"w")
        items = SwapItem(1, b"another", b"x"), SwapItem(2, b"two", b"x"), SwapItem(7, b"one", b"x")
        stale = Reseal(KEY, swaps, items, (b"old", b"x"), (b"bob", b"eve"))
        await expect(backend, stale, Resealed(0))
        assert (await read(backend)).values == {b"t1": b"new"}
        assert (await read(backend)).user_tag == b"ann"
        assert [item.sealed for item in (await read_log(backend)).items] == [b"one"]
        assert await drafted(backend) == b"new"
        await keep(backend, b"")
        await expect(backend, Reseal(KEY, draft=(b"", b"x")), Resealed(0))
        assert await drafted(backend) == b""

    async def test_it_is_no_change(self, backend: Backend, advance: Advance) -> None:
        """Revision, times, deadline and remembered changes stay, and nobody is outdated."""
        await create(backend, values={b"t1": b"v1"}, ttl=10 * self.second)
        once = change(append=(b"one",), change_id="once", remember=True)
        first = await backend.execute(once)
        await advance(2)
        before, log = await read(backend), await read_log(backend)
        items = (SwapItem(1, b"one", b"ONE"),)
        await expect(backend, Reseal(KEY, (SWAPPED,), items), Resealed(2))
        after = await read(backend)
        assert after == before._replace(values={b"t9": b"v9"})
        assert (await read_log(backend))._replace(items=()) == log._replace(items=())
        assert (await backend.execute(once))[:5] == first[:5]
        await apply(backend, expect_revision=before.revision)
        await advance(9)
        await expect(backend, Reseal(KEY, (SWAPPED,)), Absent())

    async def test_the_user_is_found_by_the_new_tag(self, backend: Backend) -> None:
        """And by the old one no more; other sessions of the user stay as they are."""
        await create(backend, user_tag=b"old")
        await create(backend, OTHER_KEY, user_tag=b"old")
        await expect(backend, Reseal(KEY, user_tags=(b"old", b"new")), Resealed(1))
        for tag, key in ((b"new", KEY), (b"old", OTHER_KEY)):
            found = await ask(backend, List(NAMESPACE, 10, None, Where((tag,))), Listed)
            assert [session_id for session_id, _ in found.sessions] == [key.partition("/")[2]]
            assert found.sessions[0][1].user_tag == tag

    async def test_it_is_not_told(self, backend: Backend) -> None:
        """Whoever watches the namespace is told of changes."""
        await create(backend, values={b"t1": b"v1"})
        async with backend.events(NAMESPACE) as events:
            await expect(backend, Reseal(KEY, (SWAPPED,)), Resealed(1))
            await backend.execute(Delete(KEY))
            told = await asyncio.wait_for(anext(events), SOON)
            assert (told.kind, told.reason) == ("destroyed", "deleted")

    async def test_changes_at_once_are_all_there(self, backend: Backend) -> None:
        """Whichever comes first, what a writer wrote stands in the end."""
        await create(backend, values={b"t%d" % number: b"old" for number in range(30)}, ttl=HOUR)
        exchanges = [
            Reseal(KEY, (Swap(b"t%d" % number, b"old", b"n%d" % number, b"resealed"),))
            for number in range(30)
        ]
        changes = [
            change(set={b"n%d" % number: b"written"}, unset=(b"t%d" % number,))
            for number in range(0, 30, 2)
        ]
        steps: list[Operation] = [*exchanges, *changes]
        await asyncio.gather(*(backend.execute(step) for step in steps))
        values = (await read(backend)).values
        assert values == {
            b"n%d" % number: b"resealed" if number % 2 else b"written" for number in range(30)
        }
