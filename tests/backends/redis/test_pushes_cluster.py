"""Pushes on a Cluster: they come from wherever a slot is, while it moves and afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Acquire, Granted, Read
from holdfast.backends.redis import RedisBackend, parse
from holdfast.backends.redis.keys import bucket_of
from holdfast.backends.redis.slots import slot_of
from holdfast.bells import Bell
from holdfast.errors import StoreUnavailable
from holdfast.events import LOST, Event
from holdfast.testing.steps import HOUR, KEY, NAMESPACE, apply, ask, create, read
from tests.backends.redis.lines import line_up, release
from tests.backends.redis.test_pushes_near import near_store, sees, warm
from tests.redis_topologies import Cluster

pytestmark = pytest.mark.slow
SOON = 5.0
CHANGED = Event("changed", "alpha")


@pytest.fixture
async def workers(own_cluster: Cluster) -> AsyncIterator[list[RedisBackend]]:
    """Give two processes that share a session."""
    here, there = (RedisBackend(parse(own_cluster.url)) for _ in range(2))
    async with here, there:
        await create(here)
        yield [here, there]


def move(cluster: Cluster, name: str) -> None:
    """Bring the slot of a session to another primary."""
    slot = slot_of(bucket_of(name.encode(), 256))
    source = cluster.owner(slot)
    target = next(node for node in cluster.primaries if node is not source)
    cluster.migrate(slot, source, target)


async def rings(bell: Bell, here: RedisBackend) -> bool:
    """Wait for a ring and look at the session, as who listens does."""
    rung = await bell.rung(SOON)
    await here.execute(Read(KEY))
    return rung


async def following(feed: AsyncIterator[Event], wanted: Event) -> None:
    """Read on until an event; what is lost meanwhile is told, and changes from before it may be."""
    async with asyncio.timeout(SOON):
        async for event in feed:
            if event == wanted:
                return
            assert event in (LOST, CHANGED)


async def told_of_changes(feed: AsyncIterator[Event], there: RedisBackend) -> None:
    """Read on until a change is told; one that got lost is told as lost, and those after it are."""
    async with asyncio.timeout(SOON):
        async for event in feed:
            if event == CHANGED:
                return
            assert event == LOST
            await apply(there)


async def test_pushes_follow_a_slot(workers: list[RedisBackend], own_cluster: Cluster) -> None:
    """Listeners, those in line, and watchers go on though this process asks for nothing."""
    here, there = workers
    await ask(there, Acquire(KEY, "first", HOUR), Granted)
    waiting = await line_up(here, "waiting")
    async with here.events(NAMESPACE) as feed:
        with here.listen(KEY) as bell:
            await read(here)
            for _ in range(2):
                move(own_cluster, KEY)
                assert await rings(bell, here)
                await following(feed, LOST)
                await apply(there)
                assert await rings(bell, here)
                await told_of_changes(feed, there)
        await release(there, "first")
        began = time.monotonic()
        await waiting
        assert time.monotonic() - began < 0.5


async def test_what_is_near_follows_a_slot(own_cluster: Cluster) -> None:
    """Nothing is stale on the old node's word, nor on the new one's."""
    async with near_store(own_cluster.url) as reader, near_store(own_cluster.url) as writer:
        await writer.create("alpha")
        turn = 0
        for _ in range(2):
            await warm(reader)
            move(own_cluster, KEY)
            for _ in range(5):
                turn += 1
                await writer.increment_counter("alpha", "visits")
                assert await sees(reader, turn) < SOON
                await warm(reader)


async def fail_over(cluster: Cluster) -> None:
    """Have the replica take the slot of the session over; the primary before it lives on."""
    slot = slot_of(bucket_of(KEY.encode(), 256))
    source = cluster.owner(slot)
    cluster.replica_of(source).ask("CLUSTER", "FAILOVER", "TAKEOVER")
    async with asyncio.timeout(SOON):
        while cluster.owner(slot, cluster.replica_of(source)) is source:
            await asyncio.sleep(0.01)


async def test_pushes_survive_a_failover(workers: list[RedisBackend], own_cluster: Cluster) -> None:
    """The replica that takes over is listened to like the primary before."""
    here, there = workers
    with here.listen(KEY) as bell:
        await read(here)
        await fail_over(own_cluster)
        for _ in range(3):
            async with asyncio.timeout(SOON):
                while not await changed(there):
                    await asyncio.sleep(0.01)
            assert await rings(bell, here)


async def changed(backend: RedisBackend) -> bool:
    """Change the session if it can be changed."""
    try:
        await apply(backend)
    except StoreUnavailable:
        return False
    return True


async def test_a_silent_failover_is_noticed_by_who_only_reads_near(own_cluster: Cluster) -> None:
    """Nobody asks for anything and no connection is lost; still nodes are asked what they have."""
    async with near_store(own_cluster.url) as reader:
        await fail_over(own_cluster)
        async with asyncio.timeout(10):
            while not reader.backend.statistics()["failovers"]:
                await asyncio.sleep(0.1)
