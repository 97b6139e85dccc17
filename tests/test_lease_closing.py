"""A store that closes while leases are held, wanted or given back leaves none behind."""

import asyncio
import random

import pytest

from holdfast import LeaseLost, StoreUnavailable
from holdfast.backend import Backend, Operation, Release
from holdfast.backends.memory import MemoryBackend
from holdfast.holding import PATIENCE
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import run_shuffled, shuffled
from holdfast.testing.store_steps import ID, Shared, Store
from tests.faulty import Fault, faulty_memory, store_on


async def is_free(backend: Backend) -> bool:
    """Say whether the session can be leased by another store at once."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with store_on(Shared(backend)) as other, other.lease(ID, ttl=60, wait=600):
        return loop.time() - began < 0.1


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_closing_at_any_moment_leaves_no_lease(first: int) -> None:
    """Holders that clean up, contenders in every state: all end, and the session is free."""

    async def scenario(clock: ManualClock) -> None:
        rng = random.Random(first)
        backend = faulty_memory(clock.clock, delay=lambda: rng.uniform(0, 0.003))
        async with store_on(Shared(backend), clock=clock.clock) as store:
            await store.create(ID, ttl=80_000)

            async def turn() -> None:
                await asyncio.sleep(rng.uniform(0, 0.05))
                async with store.lease(ID, ttl=60, wait=600):
                    try:
                        await asyncio.sleep(rng.uniform(0, 0.02))
                    finally:
                        await asyncio.sleep(rng.uniform(0, 0.5))

            turns = [asyncio.create_task(turn()) for _ in range(8)]
            await asyncio.sleep(rng.uniform(0, 0.1))
            await store.__aexit__(None, None, None)
            assert await is_free(backend)
            ends = await asyncio.gather(*turns, return_exceptions=True)
            assert {type(end) for end in ends} <= {type(None), LeaseLost, StoreUnavailable}
            assert (await store.get_stats()).leases_held == 0

    shuffled(scenario, seeds=range(first, first + 50))


def test_closing_does_not_wait_for_ever() -> None:
    """A holder that does not stop is left alone after a while."""

    async def scenario(clock: ManualClock) -> None:
        loop = asyncio.get_running_loop()
        async with store_on(MemoryBackend(clock=clock.clock), clock=clock.clock) as store:
            await store.create(ID, ttl=80_000)

            async def stay() -> None:
                async with store.lease(ID, ttl=600):
                    try:
                        await asyncio.sleep(60)
                    finally:
                        await asyncio.sleep(60)

            task = asyncio.create_task(stay())
            await asyncio.sleep(0.01)
            began = loop.time()
            await store.__aexit__(None, None, None)
            assert loop.time() - began == pytest.approx(PATIENCE, abs=0.1)
            [end] = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(end, LeaseLost)

    run_shuffled(scenario, seed=1)


async def test_a_store_whose_closing_is_cancelled_is_closed() -> None:
    """Its backend is not left open."""

    def plan(operation: Operation) -> Fault:
        return "freeze" if isinstance(operation, Release) else "none"

    backend = faulty_memory(plan=plan)
    async with store_on(backend) as store:
        await store.create(ID)
        holder = asyncio.create_task(_hold(store))
        await asyncio.sleep(0.01)
        closing = asyncio.create_task(store.__aexit__(None, None, None))
        await asyncio.sleep(0.01)
        assert closing.done() is False
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        assert closing.cancelled()
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.get(ID)
        backend.thawed.set()
        await asyncio.gather(holder, return_exceptions=True)


async def test_a_store_that_was_opened_again_lends_its_sessions() -> None:
    """As it did before it was closed."""
    async with store_on(MemoryBackend()) as store:
        for _ in range(3):
            await store.create(ID)
            async with store.lease(ID, wait=0):
                pass
            await store.__aexit__(None, None, None)
            await store.__aenter__()


async def _hold(store: Store) -> None:
    async with store.lease(ID):
        await asyncio.sleep(60)
