"""Events on Redis: what happens in a namespace, told to those who watch it in any process."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Acquire, Delete, Drop, Granted, Purge, Read, Touch
from holdfast.backends.redis import RedisBackend, parse
from holdfast.errors import InvalidStore, StoreUnavailable
from holdfast.events import LOST, Event
from holdfast.testing.steps import HOUR, KEY, NAMESPACE, apply, ask, change, create
from tests.backends.redis.lines import processes
from tests.redis_servers import RedisServer
from tests.tallying import until

SOON = 5.0
Processes = list[RedisBackend]
CHANNEL = f"hf:{{0}}:e:{NAMESPACE}"


@pytest.fixture
async def workers(redis_server: RedisServer) -> AsyncIterator[Processes]:
    """Give two processes on an empty store."""
    async with processes(redis_server, 2) as backends:
        yield backends


async def following(feed: AsyncIterator[Event]) -> Event:
    """Wait for the next event."""
    async with asyncio.timeout(SOON):
        return await anext(feed)


def subscribers(server: RedisServer) -> int:
    """Say how many connections are subscribed to the namespace."""
    return int(server.ask("PUBSUB", "SHARDNUMSUB", CHANNEL)[1])


async def test_each_event_is_told_once(workers: Processes) -> None:
    """Created, changed and destroyed, with the reason; what was refused or repeated is none."""
    here, there = workers
    async with here.events(NAMESPACE) as feed:
        await create(there)
        assert await following(feed) == Event("created", "alpha")
        operation = change(append=(b"item",), remember=True)
        for _ in range(2):
            await there.execute(operation)
        assert await following(feed) == Event("changed", "alpha")
        await ask(there, Acquire(KEY, "mine", HOUR), Granted)
        await there.execute(change(expect_revision=99))
        await there.execute(Read(KEY))
        await there.execute(Drop(KEY))
        assert await following(feed) == Event("changed", "alpha")
        for _ in range(2):
            await there.execute(Delete(KEY))
        assert await following(feed) == Event("destroyed", "alpha", "deleted")
        await create(there)
        assert await following(feed) == Event("created", "alpha")


async def test_an_expired_session_is_told_of_when_it_is_collected(workers: Processes) -> None:
    """Once, whoever collects."""
    here, there = workers
    await create(there)
    async with here.events(NAMESPACE) as feed:
        await there.execute(Touch(KEY, ttl=20_000))
        await asyncio.sleep(0.05)
        await asyncio.gather(*(worker.execute(Purge(NAMESPACE, 10)) for worker in workers))
        assert await following(feed) == Event("destroyed", "alpha", "expired")
        await create(there)
        assert await following(feed) == Event("created", "alpha")


async def test_namespaces_are_told_apart(workers: Processes) -> None:
    """Who watches one hears nothing of another."""
    here, there = workers
    async with here.events("other") as feed, here.events(NAMESPACE) as mine:
        await create(there)
        await create(there, "other/beta")
        assert await following(feed) == Event("created", "beta")
        assert await following(mine) == Event("created", "alpha")


async def test_watchers_share_a_subscription(workers: Processes, redis_server: RedisServer) -> None:
    """It ends with the last of them."""
    here, there = workers
    async with here.events(NAMESPACE) as first:
        async with here.events(NAMESPACE) as second:
            assert subscribers(redis_server) == 1
            await create(there)
            assert await following(second) == Event("created", "alpha")
        await apply(there)
        assert await following(first) == Event("created", "alpha")
        assert await following(first) == Event("changed", "alpha")
    await here.execute(Read(KEY))
    assert subscribers(redis_server) == 0
    async with here.events(NAMESPACE) as again:
        await apply(there)
        assert await following(again) == Event("changed", "alpha")


async def test_a_lost_connection_is_told_of(workers: Processes, redis_server: RedisServer) -> None:
    """Once the next one listens: whoever looks then misses nothing that comes later."""
    here, there = workers
    async with here.events(NAMESPACE) as feed:
        for turn in range(3):
            began = time.monotonic()
            redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
            assert await following(feed) == LOST
            assert time.monotonic() - began < 1
            await create(there, f"{NAMESPACE}/s{turn}")
            assert await following(feed) == Event("created", f"s{turn}")


@pytest.mark.slow
async def test_an_outage_is_told_of(own_redis: RedisServer) -> None:
    """While it lasts, and when it is over; who begins to watch in it is told at once."""
    backend = RedisBackend(parse(own_redis.url()))
    async with backend, backend.events(NAMESPACE) as feed:
        own_redis.kill()
        assert await following(feed) == LOST
        with pytest.raises(StoreUnavailable):
            async with backend.events("another"):
                pytest.fail("nobody could tell")
        own_redis.start()
        assert await following(feed) == LOST
        await create(backend)
        assert await following(feed) == Event("created", "alpha")


async def test_a_feed_ends_with_the_backend(redis_server: RedisServer) -> None:
    """What was told before is given first."""
    backend = RedisBackend(parse(redis_server.url()))
    async with backend:
        watching = backend.events(NAMESPACE)
        feed = await watching.__aenter__()
        await create(backend)
    assert [event async for event in feed] == [Event("created", "alpha")]
    await watching.__aexit__(None, None, None)
    with pytest.raises(StoreUnavailable):
        async with backend.events(NAMESPACE):
            pytest.fail("a closed store has nothing to tell")


async def test_a_slow_watcher_is_told_that_it_missed_some(workers: Processes) -> None:
    """What waits for it is bounded."""
    here, there = workers
    async with here.events(NAMESPACE) as feed:
        for batch in range(12):
            names = [f"{NAMESPACE}/s{batch}-{number}" for number in range(100)]
            await asyncio.gather(*(create(there, name) for name in names))
        await create(there, f"{NAMESPACE}/last")
        await here.execute(Read(KEY))
        told = [await following(feed)]
        while told[-1].session_id != "last":
            told.append(await following(feed))
    assert told[0] == LOST
    assert len(told) <= 1024


async def test_who_may_not_subscribe_is_told_so(own_redis: RedisServer) -> None:
    """The store works without it, and can be watched as soon as it is allowed."""
    async with processes(own_redis, 1) as (backend,):
        own_redis.ask("ACL", "SETUSER", "default", "-ssubscribe")
        with pytest.raises(InvalidStore, match="NOPERM: the user may not do all"):
            async with backend.events(NAMESPACE):
                pass
        await create(backend)
        own_redis.ask("ACL", "SETUSER", "default", "+ssubscribe")
        async with backend.events(NAMESPACE) as feed:
            await apply(backend)
            assert await following(feed) == Event("changed", "alpha")


@pytest.mark.slow
async def test_a_subscription_that_is_refused_is_tried_again(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an outage; it is logged once, however often it is refused."""
    async with processes(own_redis, 1) as (backend,), backend.events(NAMESPACE) as feed:
        own_redis.ask("ACL", "SETUSER", "default", "-ssubscribe")
        own_redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: own_redis.info("errorstats").get("errorstat_NOPERM") == {"count": 2})
        own_redis.ask("ACL", "SETUSER", "default", "+ssubscribe")
        await until(lambda: subscribers(own_redis) == 1)
        await create(backend)
        assert await following(feed) == LOST
        await until_told(feed, Event("created", "alpha"))
    logged = [record.message for record in caplog.records if record.name.startswith("holdfast")]
    assert logged.count("redis.errand_refused") == 1


async def until_told(feed: AsyncIterator[Event], event: Event) -> None:
    """Pass over what was lost until this comes."""
    while (told := await following(feed)) != event:
        assert told == LOST
