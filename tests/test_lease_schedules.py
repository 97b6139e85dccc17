"""Leases under hundreds of schedules: turns, people who leave, thieves, and a store that freezes.

Every operation takes a moment before and after it is applied, so that callers meet in the middle.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from holdfast import Change, LeaseLost, LeaseUnavailable, SessionNotFound, StoreUnavailable
from holdfast.backend import Acquire, Operation, Renew
from holdfast.retrying import Resilient
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import shuffled
from holdfast.testing.store_steps import ID, Shared, Store, present
from tests.faulty import Fault, Faulty, faulty_memory, patient, store_on, well

FIRST_SEEDS = pytest.mark.parametrize("first", range(0, 200, 50))


@asynccontextmanager
async def two_stores(clock: ManualClock) -> AsyncIterator[tuple[Faulty, Store, Store]]:
    """Open two stores on one slow backend, as two processes do; at the end nothing is left."""
    rng = random.Random(7)
    backend = faulty_memory(clock.clock, delay=lambda: rng.uniform(0, 0.003))
    async with (
        backend,
        store_on(Shared(backend), clock=clock.clock) as first,
        store_on(Shared(backend), clock=clock.clock) as second,
    ):
        await first.create(ID, ttl=80_000)
        yield backend, first, second
        for store in (first, second):
            assert (await store.get_stats()).leases_held == 0
            assert len(store.leases._turns) == 0
    assert backend.statistics()["listeners"] == 0
    tasks = [task.get_name() for task in asyncio.all_tasks()]
    assert [name for name in tasks if name.startswith("holdfast")] == []


class Witness:
    """Sees who is inside, and that the fences of what was written never go back."""

    def __init__(self) -> None:
        self.inside = 0
        self.order: list[int] = []
        self.fences: list[int] = []

    async def turn(
        self, store: Store, number: int, *, seconds: float = 0.2, ttl: float = 0.5
    ) -> None:
        """Take a turn that nobody disturbs: read, think, write what was read and one more."""
        async with store.lease(ID, ttl=ttl, wait=600) as lease:
            self.inside += 1
            assert self.inside == 1
            self.order.append(number)
            try:
                total = (await present(store)).visits
                await asyncio.sleep(seconds)
                await lease.apply(Change(set={"visits": total + 1}))
                self.fences.append(lease.fence)
            finally:
                self.inside -= 1

    async def attempt(self, store: Store, *, steal: bool = False) -> bool:
        """Take a turn that may be lost; say whether it was written."""
        try:
            async with store.lease(ID, ttl=0.5, wait=600, steal=steal) as lease:
                await asyncio.sleep(0.3)
                await lease.apply(Change(add={"visits": 1}, append=[lease.fence]))
                return True
        except LeaseLost:
            return False


async def is_free(store: Store) -> bool:
    """Say whether the session can be leased without waiting for a lease to end."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with store.lease(ID, ttl=60, wait=600):
        return loop.time() - began < 0.4


@FIRST_SEEDS
def test_everybody_has_a_turn_in_order(first: int) -> None:
    """Eight contenders of two stores: one at a time, in the order of their store, renewed."""

    async def scenario(clock: ManualClock) -> None:
        loop = asyncio.get_running_loop()
        async with two_stores(clock) as (_, *stores):
            witness = Witness()
            began = loop.time()
            turns: list[asyncio.Task[None]] = []
            for number in range(8):
                store = stores[number % 2]
                turns.append(asyncio.create_task(witness.turn(store, number, seconds=0.7)))
                await asyncio.sleep(0.01)
            await asyncio.gather(*turns)
            for half in (0, 1):
                mine = [number for number in witness.order if number % 2 == half]
                assert mine == sorted(mine)
            assert len(witness.order) == 8
            assert witness.fences == sorted(set(witness.fences))
            assert (await present(stores[0])).visits == 8
            assert loop.time() - began < 8 * 0.75

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_whoever_leaves_holds_up_nobody(first: int) -> None:
    """Cancelled while waiting, asking, being granted, holding or giving back: all is given back."""

    async def scenario(clock: ManualClock) -> None:
        rng = random.Random(first)
        loop = asyncio.get_running_loop()
        async with two_stores(clock) as (_, *stores):
            witness = Witness()
            turns = [
                asyncio.create_task(witness.turn(store, number, seconds=0.05, ttl=60))
                for number, store in enumerate(stores * 8)
            ]
            began = loop.time()
            leaving = turns[::3] + turns[1::4]
            for turn in leaving:
                loop.call_later(rng.uniform(0, 0.5), turn.cancel)
                loop.call_later(rng.uniform(0, 0.5), turn.cancel)
            answers = await asyncio.gather(*turns, return_exceptions=True)
            assert {type(answer) for answer in answers} <= {asyncio.CancelledError, type(None)}
            stayed = [turn for turn in turns if turn not in leaving]
            assert not any(turn.cancelled() for turn in stayed)
            assert loop.time() - began < 3, "somebody waited for a lease that nobody held"
            assert len(witness.fences) >= len(stayed)
            assert (await present(stores[0])).visits >= len(witness.fences)
            assert await is_free(stores[1])

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_thieves_never_share(first: int) -> None:
    """What is written under leases comes from ever newer holders; losers are told."""

    async def scenario(clock: ManualClock) -> None:
        rng = random.Random(first)
        async with two_stores(clock) as (_, *stores):
            witness = Witness()

            async def thief(number: int) -> bool:
                await asyncio.sleep(rng.uniform(0, 1.5))
                return await witness.attempt(stores[number % 2], steal=True)

            honest = [witness.attempt(stores[number % 2]) for number in range(6)]
            written = await asyncio.gather(*honest, *(thief(number) for number in range(4)))
            session = await present(stores[0])
            fences = [item.value for item in await stores[0].items(ID)]
            assert session.visits == len(fences) == sum(written)
            assert fences == sorted(set(fences))
            assert written[-4:].count(True) >= 1
            assert await is_free(stores[0])

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_a_frozen_store_loses_its_leases_and_nothing_else(first: int) -> None:
    """The holder is stopped in time, by its own clock; its write never comes after a newer one."""

    async def scenario(clock: ManualClock) -> None:
        loop = asyncio.get_running_loop()
        async with two_stores(clock) as (backend, *stores):
            witness = Witness()
            turn = asyncio.create_task(witness.attempt(stores[0]))
            await asyncio.sleep(0.05)
            frozen = loop.time()
            backend.plan = lambda operation: "freeze"
            assert await turn is False
            assert loop.time() - frozen < 0.5 + 0.1
            backend.plan = lambda _: "none"
            backend.thawed.set()
            assert await witness.attempt(stores[1]) is True
            assert (await present(stores[1])).visits == 1

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_nobody_waits_for_a_session_that_is_gone(first: int) -> None:
    """Waiters and holders learn of it at once; nobody brings it back."""

    async def scenario(clock: ManualClock) -> None:
        loop = asyncio.get_running_loop()
        async with two_stores(clock) as (_, *stores):
            witness = Witness()
            turns = [
                asyncio.create_task(witness.attempt(stores[number % 2])) for number in range(6)
            ]
            await asyncio.sleep(0.4)
            gone = loop.time()
            await stores[0].delete(ID)
            answers = await asyncio.gather(*turns, return_exceptions=True)
            assert loop.time() - gone < 0.5
            kinds = {type(answer) for answer in answers if not isinstance(answer, bool)}
            assert kinds == {SessionNotFound}
            assert await stores[1].get(ID) is None

    shuffled(scenario, seeds=range(first, first + 50))


@FIRST_SEEDS
def test_lost_answers_leave_no_lease_behind(first: int) -> None:
    """Of four grants and renewals in ten no answer arrives: all turns are taken all the same."""

    def unlucky(operation: Operation) -> Fault:
        lost = isinstance(operation, Acquire | Renew) and rng.random() < 0.4
        return "lose_answer" if lost else "none"

    rng = random.Random(first)

    async def scenario(clock: ManualClock) -> None:
        backend = faulty_memory(clock.clock, plan=unlucky, delay=lambda: rng.uniform(0, 0.003))
        resilient = patient(Resilient(backend, deadline=5, jitter=lambda: 0.1))
        async with store_on(resilient, clock=clock.clock) as store:
            await store.create(ID, ttl=80_000)
            witness = Witness()

            async def turn(number: int) -> None:
                while True:
                    try:
                        return await witness.turn(store, number)
                    except (StoreUnavailable, LeaseUnavailable):
                        await asyncio.sleep(0.01)

            await asyncio.gather(*(turn(number) for number in range(5)))
            backend.plan = well
            assert (await present(store)).visits == 5
            assert await is_free(store)

    shuffled(scenario, seeds=range(first, first + 50))
