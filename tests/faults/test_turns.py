"""Holders of leases that die, sleep, or are busy, and many who wait."""

import asyncio
import random
import signal
from collections import defaultdict
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from tests.faults.criteria import Length
from tests.faults.working import working
from tests.redis_servers import RedisServer
from tests.tallying import Store, tally_store

pytestmark = pytest.mark.slow

TTL = 1.0


async def test_a_killed_holder_leaves_a_whole_session_for_the_next(
    redis_server: RedisServer, length: Length
) -> None:
    """Whenever it dies, the next has its turn a second after the lease's end at the latest."""
    dice = random.Random(1)
    url = redis_server.url()
    async with tally_store(url) as store:
        await store.create("turns")
        for _ in length.times(2, 100):
            with working(url, "turns") as worker:
                worker.tell("toil")
                await asyncio.sleep(dice.uniform(0.1, 0.3))
            killed = monotonic()
            async with store.lease("turns", ttl=TTL, wait=30):
                assert monotonic() - killed < TTL + 1
                session = await store.get("turns")
                assert session is not None
                page = await store.items("turns", limit=1000)
                assert page[-1].number == session.steps > 0


@pytest.mark.parametrize("way", ["stopped", "blocked"])
async def test_a_holder_that_slept_through_its_lease_is_refused(
    redis_server: RedisServer, way: str
) -> None:
    """What the next holder has written stays; the sleeper learns of its loss when it wakes."""
    url = redis_server.url()
    async with tally_store(url) as store:
        await store.create("turns")
        with working(url, "turns") as worker:
            first = await asyncio.to_thread(worker.ask, "hold", TTL)
            assert worker.ask("write") == 1
            if way == "stopped":
                worker.send(signal.SIGSTOP)
            else:
                worker.tell("block", 2.5 * TTL)
            slept = monotonic()
            async with store.lease("turns", ttl=TTL, wait=30) as lease:
                assert monotonic() - slept < TTL + 1
                assert lease.fence > first
                await store.increment_counter("turns", "steps")
                if way == "stopped":
                    worker.send(signal.SIGCONT)
                else:
                    assert await asyncio.to_thread(worker.answer) is None
                assert await asyncio.to_thread(worker.ask, "write") == "lost"
                assert worker.ask("lost") is True
            session = await store.get("turns")
            assert session is not None
            assert session.steps == 2


async def test_many_wait_in_their_order_without_asking(
    own_redis: RedisServer, length: Length
) -> None:
    """In each process nobody is passed; beyond a turn's three calls, waiting costs none."""
    served: dict[int, list[int]] = defaultdict(list)
    waited = 0.0

    async def waiter(store: Store, process: int, number: int) -> None:
        nonlocal waited
        began = monotonic()
        async with store.lease("turns", ttl=30, wait=120):
            waited += monotonic() - began
            served[process].append(number)
            await asyncio.sleep(0.02)

    async with AsyncExitStack() as opened:
        stores = [await opened.enter_async_context(tally_store(own_redis.url())) for _ in range(4)]
        await stores[0].create("turns")
        before = _calls(own_redis)
        many = len(length.times(25, 250))
        async with asyncio.TaskGroup() as group:
            for number in range(many):
                for process, store in enumerate(stores):
                    group.create_task(waiter(store, process, number))
        sent = _calls(own_redis) - before
    assert [served[process] for process in range(4)] == [list(range(many))] * 4
    assert sent < waited + 3 * 4 * many


def _calls(server: RedisServer) -> int:
    """Count the calls of scripts, as which all questions for a lease come."""
    return int(server.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])
