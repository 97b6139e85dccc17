"""Networks that part, delay, cut, and change what goes over them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from holdfast.verification.proxy import Proxy
from holdfast.verification.relaying import Trick, Way
from tests.faults.criteria import (
    SESSIONS,
    Length,
    all_hold,
    in_time,
    measured_lag,
    nothing_left,
    well_again,
)
from tests.redis_servers import HOST, RedisServer
from tests.tallying import Store, tally_store, took, until, writing

pytestmark = pytest.mark.slow

DEADLINE = 1.0
WAYS: list[frozenset[Way]] = [
    frozenset({"requests"}), frozenset({"answers"}), frozenset({"requests", "answers"})
]  # fmt: skip


@pytest.fixture
async def proxy(own_redis: RedisServer) -> AsyncIterator[Proxy]:
    async with Proxy((HOST, own_redis.port), seed=7) as proxy:
        yield proxy


@pytest.fixture
async def store(own_redis: RedisServer, proxy: Proxy) -> AsyncIterator[Store]:
    async with (
        nothing_left(own_redis),
        tally_store(f"redis://{HOST}:{proxy.port}/0", deadline=DEADLINE) as store,
    ):
        yield store


@pytest.mark.parametrize("ways", WAYS, ids=lambda ways: "+".join(sorted(ways)))
async def test_a_partition_costs_deadlines_and_few_connections(
    store: Store, proxy: Proxy, ways: frozenset[Way], length: Length
) -> None:
    """Whichever way is closed, nobody waits longer than for a deadline, and no step is doubled."""
    async with measured_lag() as lag:
        async with writing(store, SESSIONS, pause=0.005) as writers:
            await until(took(writers, 5))
            with proxy.frozen(ways):
                await asyncio.sleep(lasting := length.of(1.5, 10))
            await well_again(writers, monotonic())
        # An attempt takes its second, and pauses grow up to a second in between.
        assert proxy.counts["connections"] <= 2 + lasting
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)


async def test_a_network_that_flaps_leaves_everything_whole(
    store: Store, proxy: Proxy, length: Length
) -> None:
    async with measured_lag() as lag:
        async with writing(store, SESSIONS, pause=0.005) as writers:
            for times in length.times(4, 20):
                await until(took(writers, 3 * times))
                with proxy.frozen():
                    await asyncio.sleep(length.of(0.2, 1))
                proxy.cut(reset=times % 2 == 0)
            await well_again(writers, monotonic())
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)


@pytest.mark.parametrize("delay", [0.05, 0.2])
async def test_latency_is_waited_for_and_loses_no_lease(
    store: Store, proxy: Proxy, delay: float, length: Length
) -> None:
    """There and back, with as much again by chance; the lease lasts six times as long and more."""
    await store.create("leased")
    async with store.lease("leased", ttl=0.3) as lease:
        # The scripts are known from now on.
        first = lease.good_until
        await until(lambda: lease.good_until > first)
    async with measured_lag() as lag:
        with proxy.delayed(delay / 4, jitter=delay / 4):
            async with store.lease("leased", ttl=max(1.0, delay * 6)) as lease:
                async with writing(store, SESSIONS) as writers:
                    await asyncio.sleep(length.of(1.5, 20))
                assert not lease.lost.is_set()
        for writer in writers:
            assert writer.reasons == []
            assert writer.taken > 0
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)


async def test_answers_that_trickle_are_answers(store: Store, proxy: Proxy) -> None:
    """A byte in ten milliseconds is too slow for a deadline, and nothing is taken for the whole."""
    async with measured_lag() as lag:
        async with writing(store, SESSIONS[:2]) as writers:
            await until(took(writers, 5))
            with proxy.trickling(0.01):
                await until(lambda: any(writer.reasons for writer in writers))
            await well_again(writers, monotonic())
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)
    assert store.backend.statistics()["crossed_replies"] == 0


TRICKS: list[tuple[Trick, ...]] = [
    ("half",), ("garbage",), ("swallow",), ("half", "garbage", "swallow")
]  # fmt: skip


@pytest.mark.parametrize("tricks", TRICKS, ids=["half", "garbage", "swallow", "all"])
async def test_answers_that_are_none_are_never_taken_for_some(
    store: Store, proxy: Proxy, tricks: tuple[Trick, ...], length: Length
) -> None:
    """Half answers, garbage and answers that never come: every step is there once."""
    async with measured_lag() as lag:
        async with writing(store, SESSIONS) as writers:
            for times in length.times(8, 200):
                await until(took(writers, 2 * times))
                proxy.trick(tricks[times % len(tricks)])
            await well_again(writers, monotonic())
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)
    assert store.backend.statistics()["lost"] > 0
    assert store.backend.statistics()["crossed_replies"] == 0


async def test_a_storm_of_resets_leaves_everything_whole(
    store: Store, proxy: Proxy, length: Length
) -> None:
    async with measured_lag() as lag:
        async with writing(store, SESSIONS) as writers:
            for _ in length.times(20, 400):
                await asyncio.sleep(0.02)
                proxy.cut()
            await well_again(writers, monotonic())
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)


@contextmanager
def swallowing(proxy: Proxy, every: int) -> Iterator[None]:
    """Swallow the answers to every so many scripts."""
    proxy.swallow_every(every, b"EVALSHA", times=1_000_000)
    try:
        yield
    finally:
        proxy.swallow_every(1, b"no command", times=1)


@pytest.mark.parametrize("every", [2, 7, 20])
async def test_swallowed_answers_double_no_step(
    store: Store, proxy: Proxy, every: int, length: Length
) -> None:
    """Eight writers at once: with an answer go those of everybody on the connection."""
    async with measured_lag() as lag:
        async with writing(store, SESSIONS) as writers:
            with swallowing(proxy, every):
                await until(lambda: proxy.counts["swallowed"] >= length.of(3, 40), 120)
            await well_again(writers, monotonic())
        await all_hold(writers)
        in_time(writers, DEADLINE, lag)
