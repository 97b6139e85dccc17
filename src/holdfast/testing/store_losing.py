"""Leases that are kept by renewing, and lost loudly."""

import asyncio
import time

import pytest

from holdfast.change import Change
from holdfast.errors import LeaseLost
from holdfast.holding import Lease
from holdfast.testing.store_leasing import is_free
from holdfast.testing.store_steps import ID, SOON, Store, Stores, present, together, unchanged


async def lose(lease: Lease) -> None:
    """Wait until a lease is lost."""
    async with asyncio.timeout(SOON):
        await lease.lost.wait()


def cancellations() -> int:
    """Say how many cancellations of this task are still open."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


class KeepingLeases:
    """Renewed at a third of its ttl, a lease lasts as long as its block."""

    async def test_a_lease_of_one_second_lasts_through_three_seconds_of_work(
        self, stores_live: Stores
    ) -> None:
        """Nobody else gets the session meanwhile; many are renewed side by side."""
        store, other = await stores_live.open(), await stores_live.open()
        names = [f"s{place}" for place in range(20)]
        await together(store.create(name) for name in names)

        async def work(name: str) -> None:
            async with store.lease(name, ttl=1) as lease:
                await asyncio.sleep(3)
                await lease.apply(Change(set={"topic": "done"}))

        working = asyncio.create_task(together(work(name) for name in names))
        await asyncio.sleep(0.3)
        assert await is_free(other, names[0], wait=2.2) is False
        await working
        assert await together(is_free(other, name, wait=0) for name in names) == [True] * 20
        topics = {(await present(store, name)).topic for name in names}
        assert topics == {"done"}

    async def test_renewing_ends_with_the_block(self, stores_live: Stores) -> None:
        """A short lease after a long one is not renewed by the first one's task."""
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)
        for _ in range(3):
            async with store.lease(ID, ttl=0.3):
                await asyncio.sleep(0.4)
            assert await is_free(other, wait=0)


class LosingLeases:
    """A lost lease stops its block, and its writes are refused."""

    async def test_a_stolen_lease_is_lost(self, stores_live: Stores) -> None:
        """The thief has it at once, past those who wait; the old holder's write is refused."""
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)
        entered = asyncio.Event()

        async def hold() -> None:
            async with store.lease(ID, ttl=0.6) as lease:
                entered.set()
                await lose(lease)

        holder = asyncio.create_task(hold())
        await entered.wait()
        waiting = asyncio.create_task(is_free(store))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        async with other.lease(ID, steal=True) as stolen:
            assert time.monotonic() - began < 0.5
            with pytest.raises(LeaseLost):
                await holder
            assert waiting.done() is False
            await stolen.apply(Change(set={"topic": "the thief's"}))
        assert await waiting is True
        assert (await present(store)).topic == "the thief's"

    async def test_a_write_under_a_stolen_lease_is_refused(self, stores_live: Stores) -> None:
        """In the same step as the write, before the holder has heard of the theft."""
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)
        with pytest.raises(LeaseLost):  # noqa: PT012 - a lease is a block
            async with store.lease(ID, ttl=30) as lease:
                async with other.lease(ID, steal=True, ttl=30), unchanged(other):
                    with pytest.raises(LeaseLost):
                        await lease.apply(Change(set={"topic": "late"}, append=["late"]))
                assert lease.lost.is_set()
        assert cancellations() == 0

    async def test_a_block_is_cancelled_when_its_lease_is_lost(self, stores_live: Stores) -> None:
        """Within a renewal's time, wherever it is; its task goes on with `LeaseLost`."""
        held: list[Lease] = []
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)
        began = time.monotonic()
        with pytest.raises(LeaseLost) as caught:  # noqa: PT012 - a lease is a block
            async with store.lease(ID, ttl=0.6) as lease, other.lease(ID, steal=True):
                held.append(lease)
                await asyncio.sleep(60)
        assert time.monotonic() - began < 2
        assert caught.value.session_id == ID
        assert [lease.lost.is_set() for lease in held] == [True]
        assert cancellations() == 0
        await asyncio.sleep(0)

    async def test_a_blocked_loop_loses_its_lease(self, live: Store) -> None:
        """Work that kept the loop busy for longer than the ttl cannot write any more."""
        held: list[Lease] = []
        await live.create(ID)
        async with unchanged(live):
            with pytest.raises(LeaseLost):  # noqa: PT012 - a lease is a block
                async with live.lease(ID, ttl=0.3) as lease:
                    held.append(lease)
                    time.sleep(0.5)  # noqa: ASYNC251 - this is the fault
                    await lease.apply(Change(set={"topic": "late"}))
        assert [lease.lost.is_set() for lease in held] == [True]
        assert cancellations() == 0
        assert await is_free(live, wait=0)

    async def test_a_blocked_loop_tells_its_holder(self, live: Store) -> None:
        """Also one that does not write: its next await is cancelled."""
        held: list[Lease] = []
        await live.create(ID)
        with pytest.raises(LeaseLost):  # noqa: PT012 - a lease is a block
            async with live.lease(ID, ttl=0.3) as lease:
                held.append(lease)
                time.sleep(0.5)  # noqa: ASYNC251 - this is the fault
                await asyncio.sleep(60)
        assert [lease.lost.is_set() for lease in held] == [True]

    async def test_a_lease_is_lost_with_its_session(self, live: Store) -> None:
        """Deleted under the holder's hands, it stops the work on it."""
        await live.create(ID)
        with pytest.raises(LeaseLost):  # noqa: PT012 - a lease is a block
            async with live.lease(ID, ttl=0.6):
                await live.delete(ID)
                await asyncio.sleep(60)

    async def test_a_block_that_swallows_its_cancellation_still_learns(
        self, stores_live: Stores
    ) -> None:
        """`LeaseLost` is raised when the block ends."""
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)
        with pytest.raises(LeaseLost):  # noqa: PT012 - a lease is a block
            async with store.lease(ID, ttl=0.3), other.lease(ID, steal=True):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    await asyncio.sleep(0)
        assert cancellations() == 0

    async def test_an_error_of_a_stopped_block_passes(self, stores_live: Stores) -> None:
        """And its task can go on: no cancellation is left open."""
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)
        with pytest.raises(LookupError):  # noqa: PT012 - a lease is a block
            async with store.lease(ID, ttl=0.3), other.lease(ID, steal=True):
                try:
                    await asyncio.sleep(60)
                finally:
                    raise LookupError("while cleaning up")
        assert cancellations() == 0
        async with asyncio.timeout(1):
            await asyncio.sleep(0)

    async def test_a_cancellation_from_outside_is_not_taken_for_a_loss(
        self, stores_live: Stores
    ) -> None:
        """Whoever cancels a holder sees it cancelled, also when the lease is lost as well."""
        store, other = await stores_live.open(), await stores_live.open()
        await store.create(ID)

        async def hold(entered: "asyncio.Future[Lease]") -> None:
            async with store.lease(ID, ttl=0.3) as lease:
                entered.set_result(lease)
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.1)
                    raise

        for steal in (False, True):
            entered: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(hold(entered))
            lease = await entered
            if steal:
                async with other.lease(ID, steal=True):
                    await lose(lease)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            assert await is_free(other)
