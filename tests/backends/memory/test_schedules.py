"""The memory backend under hundreds of schedules: turns, claims, and people who leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from holdfast.backend import (
    Acquire,
    Add,
    Backend,
    Changed,
    Delete,
    FlagUp,
    Granted,
    Held,
    Release,
    Released,
)
from holdfast.backends.memory import MemoryBackend
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import shuffled
from holdfast.testing.steps import KEY, apply, ask, change, create, fresh, is_absent, numbers, read

LEASE = 30_000_000
ONE = (Add("visits", 1, 1000),)
FIRST_SEEDS = pytest.mark.parametrize("first", range(0, 200, 50))


@asynccontextmanager
async def turn(backend: Backend, fences: list[int]) -> AsyncIterator[str]:
    """Wait for the lease, woken by the bell or by its end, and give it back."""
    token = fresh()
    with backend.listen(KEY) as bell:
        while isinstance(answer := await backend.execute(Acquire(KEY, token, LEASE)), Held):
            await bell.rung(answer.remaining / 1_000_000)
    assert isinstance(answer, Granted)
    fences.append(answer.fence)
    yield token
    await asyncio.sleep(0.001)
    assert await ask(backend, Release(KEY, token), Released) == Released(True)


async def work(backend: Backend, fences: list[int]) -> None:
    """Take a turn: read, think, and write on what was read."""
    async with turn(backend, fences) as token:
        revision = (await read(backend)).revision
        await asyncio.sleep(0.2)
        changed = await apply(
            backend, lease_token=token, expect_revision=revision, add=ONE, append=(b"item",)
        )
        assert changed.revision == revision + 1


@FIRST_SEEDS
def test_turns_come_one_after_another(first: int) -> None:
    """Ten workers all get their turn, woken by each other and not by the end of leases."""

    async def scenario(clock: ManualClock) -> None:
        async with MemoryBackend(clock=clock.clock) as backend:
            await create(backend)
            began = clock.clock.boot()
            fences: list[int] = []
            await asyncio.gather(*(work(backend, fences) for _ in range(10)))
            assert clock.clock.boot() - began < 2_100_000
            assert (await read(backend)).integers == {"visits": 10}
            assert await numbers(backend) == list(range(1, 11))
            assert fences == sorted(set(fences))

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_workers_who_vanish_hold_up_nobody_for_long(first: int) -> None:
    """A lease whose holder was cancelled ends by itself; no write of it comes later."""

    async def scenario(clock: ManualClock) -> None:
        async with MemoryBackend(clock=clock.clock) as backend:
            await create(backend)
            fences: list[int] = []
            workers = [asyncio.create_task(work(backend, fences)) for _ in range(8)]
            loop = asyncio.get_running_loop()
            for number in range(0, 8, 3):
                loop.call_later(0.05 + number / 7, workers[number].cancel)
            await asyncio.wait(workers)
            done = sum(not worker.cancelled() and worker.exception() is None for worker in workers)
            assert done >= 5
            assert (await read(backend)).integers == {"visits": done}
            assert fences == sorted(set(fences))

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_increments_and_claims_stay_exact(first: int) -> None:
    """Each number is returned once and each flag raised once, in whatever order they come."""

    async def scenario(clock: ManualClock) -> None:
        async with MemoryBackend(clock=clock.clock) as backend:
            await create(backend)

            async def visit(number: int) -> tuple[int, bool]:
                await asyncio.sleep(0)
                changed = await apply(backend, add=ONE)
                await asyncio.sleep(number % 3 / 1000)
                claimed = await backend.execute(change(claim=(f"flag{number % 4}",)))
                assert isinstance(claimed, Changed | FlagUp)
                return changed.integers["visits"], isinstance(claimed, Changed)

            answers = await asyncio.gather(*(visit(number) for number in range(24)))
            assert sorted(value for value, _ in answers) == list(range(1, 25))
            assert sum(won for _, won in answers) == 4

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_nobody_waits_for_a_session_that_has_ended(first: int) -> None:
    """All who listen are woken by its end, and none of their late writes brings it back."""

    async def scenario(clock: ManualClock) -> None:
        async with MemoryBackend(clock=clock.clock) as backend:
            await create(backend)

            async def wait() -> None:
                with backend.listen(KEY) as bell:
                    while not await is_absent(backend):
                        assert await bell.rung(3600)
                await backend.execute(change(add=ONE))

            waiting = [asyncio.create_task(wait()) for _ in range(8)]
            await asyncio.sleep(0.001)
            await apply(backend, add=ONE)
            await asyncio.sleep(0.001)
            await backend.execute(Delete(KEY))
            await asyncio.gather(*waiting)
            assert await is_absent(backend)
            assert backend.statistics()["listeners"] == 0

    shuffled(scenario, seeds=range(first, first + 50))
