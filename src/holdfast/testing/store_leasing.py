"""Leases: one turn at a time, for everybody who waits long enough."""

import asyncio
import time
from typing import Final

import pytest

from holdfast.backend import Acquire, Granted
from holdfast.change import Change
from holdfast.errors import LeaseLost, LeaseUnavailable, SessionNotFound, StoreUnavailable
from holdfast.testing.store_steps import (
    ID,
    NAMESPACE,
    OTHER,
    SOON,
    Store,
    Stores,
    ask,
    present,
    together,
    unchanged,
)

KEY: Final = f"{NAMESPACE}/{ID}"


class Turnstile:
    """Watches that one worker at a time is inside."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self._inside = 0

    async def work(self, store: Store, number: int, seconds: float, **terms: float) -> None:
        """Take a turn of some seconds."""
        async with store.lease(ID, **terms) as lease:  # type: ignore[arg-type]
            self._inside += 1
            assert self._inside == 1, "two held one session"
            self.order.append(number)
            await asyncio.sleep(seconds)
            await lease.apply(Change(add={"visits": 1}))
            self._inside -= 1


async def is_free(store: Store, session_id: str = ID, *, wait: float = SOON) -> bool:
    """Say whether the session can be leased soon, far sooner than a lease would end by itself."""
    try:
        async with store.lease(session_id, wait=wait):
            return True
    except LeaseUnavailable:
        return False


class TakingTurns:
    """A lease is granted to one holder, and to each who waits in its turn."""

    async def test_a_lease_carries_writes(self, live: Store) -> None:
        """Its token is asked for in the same step; a write without it is nobody's turn."""
        await live.create(ID)
        async with live.lease(ID) as lease:
            applied = await lease.apply(Change(set={"topic": "mine"}))
            assert applied.revision == 2
            assert lease.lost.is_set() is False
            await live.update(ID, note="no turn needed")
        async with unchanged(live):
            with pytest.raises(LeaseLost):
                await live.apply(ID, Change(set={"topic": "late"}, lease_token=lease.token))
        assert (await present(live)).topic == "mine"

    async def test_ten_contenders_all_get_their_turn(self, live: Store) -> None:
        """Turns of 200 ms each, one after another, in the order in which they came."""
        await live.create(ID)
        gate = Turnstile()
        await together(gate.work(live, number, 0.2, wait=10) for number in range(10))
        assert gate.order == list(range(10))
        assert (await present(live)).visits == 10

    async def test_contenders_of_two_stores_exclude_each_other(self, stores_live: Stores) -> None:
        """As two processes do; each of them keeps its own order."""
        first, second = await stores_live.open(), await stores_live.open()
        await first.create(ID)
        gate = Turnstile()
        await together(gate.work((first, second)[number % 2], number, 0.01) for number in range(20))
        assert sorted(gate.order) == list(range(20))
        for half in (0, 1):
            mine = [number for number in gate.order if number % 2 == half]
            assert mine == sorted(mine)
        assert (await present(first)).visits == 20

    async def test_a_fence_only_grows(self, stores_live: Stores) -> None:
        """From holder to holder, also in another store, and after a theft."""
        fences: list[int] = []
        for _ in range(4):
            store = await stores_live.open()
            await store.get_or_create(ID)
            async with store.lease(ID) as lease:
                fences.append(lease.fence)
                async with (await stores_live.open()).lease(ID, steal=True) as thief:
                    fences.append(thief.fence)
        assert fences == sorted(set(fences))
        assert len(fences) == 8

    async def test_a_release_wakes_the_next_one(self, stores_live: Stores) -> None:
        """Long before the lease would have ended."""
        first, second = await stores_live.open(), await stores_live.open()
        await first.create(ID)
        async with first.lease(ID, ttl=60):
            waiting = asyncio.create_task(is_free(second))
            await asyncio.sleep(0.1)
        began = time.monotonic()
        assert await waiting is True
        assert time.monotonic() - began < 1

    async def test_a_lease_ends_by_itself(self, live: Store, stores_live: Stores) -> None:
        """A holder that died is not waited for longer than its ttl."""
        await live.create(ID)
        await ask(stores_live.backend, Acquire(KEY, "dead", 400_000), Granted)
        began = time.monotonic()
        async with live.lease(ID):
            assert 0.3 < time.monotonic() - began < 2

    async def test_waiting_is_bounded_by_time(self, live: Store, stores_live: Stores) -> None:
        """The error says how long was waited, and when to try again."""
        await live.create(ID)
        await ask(stores_live.backend, Acquire(KEY, "other", 20_000_000), Granted)
        for wait in (0.0, 0.3):
            began = time.monotonic()
            with pytest.raises(LeaseUnavailable) as caught:
                async with live.lease(ID, wait=wait):
                    pytest.fail("two held one session")
            assert wait <= time.monotonic() - began < wait + 1
            assert caught.value.waited == wait
            assert 15 < caught.value.retry_after <= 20

    async def test_waiting_behind_a_contender_is_bounded_too(self, live: Store) -> None:
        """Whoever stands behind others in the process waits no longer than it wants to."""
        await live.create(ID)

        async def attempt(wait: float) -> float:
            began = time.monotonic()
            with pytest.raises(LeaseUnavailable):
                async with live.lease(ID, wait=wait):
                    pytest.fail("two held one session")
            return time.monotonic() - began

        async with live.lease(ID):
            waits = (0.4, 0.0, 0.1, 0.2)
            took = await together(attempt(wait) for wait in waits)
        for wait, seconds in zip(waits, took, strict=True):
            assert wait <= seconds < wait + 0.3

    async def test_waiting_behind_a_contender_tells_when_to_come_again(
        self, live: Store, stores_live: Stores
    ) -> None:
        """When the present lease ends: the one in front has asked, and others know it from it."""
        await live.create(ID)
        await ask(stores_live.backend, Acquire(KEY, "other", 20_000_000), Granted)
        front = asyncio.create_task(is_free(live, wait=1))
        await asyncio.sleep(0.1)
        with pytest.raises(LeaseUnavailable) as caught:
            async with live.lease(ID, wait=0.1):
                pytest.fail("two held one session")
        assert 15 < caught.value.retry_after <= 20
        assert await front is False

    async def test_a_second_lease_in_one_task_raises(self, live: Store) -> None:
        """It would wait for itself. Another session, and another task, are welcome."""
        await live.create(ID)
        await live.create(OTHER)
        async with live.lease(ID):
            began = time.monotonic()
            with pytest.raises(LeaseUnavailable, match="held by this very task"):
                async with live.lease(ID, wait=10):
                    pytest.fail("held twice")
            assert time.monotonic() - began < 1
            async with live.lease(OTHER, wait=0):
                waiting = asyncio.create_task(is_free(live))
                await asyncio.sleep(0.02)
                assert waiting.done() is False
        assert await waiting is True
        assert await is_free(live)


class LeavingLeases:
    """However a block ends, the session is free for the next one."""

    async def test_a_lease_is_given_back_after_an_error(self, live: Store) -> None:
        """And the error reaches the caller."""
        await live.create(ID)
        with pytest.raises(LookupError):
            async with live.lease(ID):
                raise LookupError("of the block")
        assert await is_free(live, wait=0)

    async def test_a_lease_is_given_back_after_a_cancellation(self, live: Store) -> None:
        """In the block, or while it is given back."""
        await live.create(ID)

        async def hold(held: asyncio.Event) -> None:
            async with live.lease(ID):
                held.set()
                await asyncio.sleep(60)

        for cancels in (1, 2, 3):
            held = asyncio.Event()
            task = asyncio.create_task(hold(held))
            await held.wait()
            for _ in range(cancels):
                task.cancel()
                await asyncio.sleep(0)
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            assert await is_free(live)

    async def test_a_caller_cancelled_at_any_step_leaves_no_lease(self, live: Store) -> None:
        """While waiting for its turn, while asking, while being granted, while holding."""
        await live.create(ID)

        async def pass_through() -> None:
            async with live.lease(ID):
                await asyncio.sleep(0)

        for steps in range(25):
            tasks = [asyncio.create_task(pass_through()) for _ in range(3)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert await is_free(live)
        assert (await live.get_stats()).leases_held == 0

    async def test_a_cancelled_contender_does_not_hold_up_the_others(self, live: Store) -> None:
        """Of ten that wait, the odd ones give up; the even ones get their turns."""
        await live.create(ID)
        gate = Turnstile()
        async with live.lease(ID):
            tasks = [asyncio.create_task(gate.work(live, number, 0.01)) for number in range(10)]
            await asyncio.sleep(0.05)
            for task in tasks[1::2]:
                task.cancel()
            await asyncio.sleep(0.05)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers[1::2]] == [asyncio.CancelledError] * 5
        assert gate.order == [0, 2, 4, 6, 8]

    async def test_waiters_are_told_when_the_session_ends(self, live: Store) -> None:
        """All of them, at once; the holder's next write finds no session."""
        await live.create(ID)
        async with live.lease(ID, ttl=30) as lease:
            waiting = [asyncio.create_task(is_free(live)) for _ in range(5)]
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await live.delete(ID)
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(answer) for answer in answers] == [SessionNotFound] * 5
            assert time.monotonic() - began < 2
            with pytest.raises((SessionNotFound, LeaseLost)):
                await lease.apply(Change(set={"topic": "late"}))
        assert await live.get(ID) is None

    async def test_a_lease_ends_with_its_session(self, live: Store) -> None:
        """The next life of the id is not held by a holder of the first one."""
        await live.create(ID)
        with pytest.raises(LeaseLost):  # noqa: PT012 - a lease is a block
            async with live.lease(ID) as lease:
                await live.delete(ID)
                await live.create(ID)
                assert await asyncio.create_task(is_free(live, wait=1)) is True
                await lease.apply(Change(set={"topic": "late"}))
        assert (await present(live)).topic is None

    async def test_nothing_is_held_after_the_store_was_closed(self, stores_live: Stores) -> None:
        """What is still inside a block then has lost its lease."""
        store = await stores_live.open()
        other = await stores_live.open()
        await store.create(ID)
        held = asyncio.Event()

        async def hold() -> None:
            async with store.lease(ID):
                held.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(hold())
        await held.wait()
        await store.__aexit__(None, None, None)
        assert [type(end) for end in await asyncio.gather(task, return_exceptions=True)] == [
            LeaseLost
        ]
        assert await is_free(other)

    async def test_closing_waits_for_a_holder_that_cleans_up(self, stores_live: Stores) -> None:
        """Its lease is given back before the backend is closed."""
        store = await stores_live.open()
        other = await stores_live.open()
        await store.create(ID)
        held = asyncio.Event()

        async def hold() -> None:
            async with store.lease(ID):
                held.set()
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.2)

        task = asyncio.create_task(hold())
        await held.wait()
        await store.__aexit__(None, None, None)
        assert await is_free(other, wait=0)
        [end] = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(end, LeaseLost)

    async def test_nobody_is_granted_a_lease_by_a_store_that_closes(
        self, stores_live: Stores
    ) -> None:
        """Whoever waits for one is told at once, and so is whoever comes later."""
        store = await stores_live.open()
        other = await stores_live.open()
        await store.create(ID)
        held = asyncio.Event()

        async def hold() -> None:
            async with store.lease(ID):
                held.set()
                await asyncio.sleep(60)

        holder = asyncio.create_task(hold())
        await held.wait()
        waiting = [asyncio.create_task(is_free(store, wait=60)) for _ in range(3)]
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await store.__aexit__(None, None, None)
        assert await is_free(other, wait=0)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
        with pytest.raises(LeaseLost):
            await holder
        with pytest.raises(StoreUnavailable):
            await is_free(store)
        assert time.monotonic() - began < 1
