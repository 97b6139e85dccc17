"""The near cache on Redis: what it answers is true, or was a moment ago, whatever happens."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import pytest

from holdfast.backends.redis import RedisBackend, parse
from holdfast.errors import StoreUnavailable
from holdfast.near_cache import NearCache
from holdfast.opening import RedisSessionStore
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.store_steps import ID, KEYS, NAMESPACE, Account, Store
from holdfast.verification.proxy import Proxy
from tests.backends.redis.lines import count_calls
from tests.redis_servers import HOST, RedisServer

SOON: Final = 5.0
PING: Final = 0.1
# Within this every connection that is up has said what moved.
AT_ONCE: Final = 0.25


@asynccontextmanager
async def near_store(url: str, *, ping: float = 1.0) -> AsyncGenerator[Store]:
    """Open a store with a near cache that knows the store's time."""
    location = parse(url)
    location = replace(location, settings=replace(location.settings, ping_interval=ping))
    near: NearCache[Account] = NearCache(1000)
    backend = RedisBackend(location)
    backend.pushes.keep_honest(near, namespace=NAMESPACE, ping_interval=ping)
    terms = Terms(namespace=NAMESPACE)
    store = SessionStore(backend, model=Account, keys=KEYS, terms=terms, near_cache=near)
    async with store:
        await store.exists(ID)
        yield store


@pytest.fixture
async def writer(redis_server: RedisServer) -> AsyncIterator[Store]:
    """Open a store without a near cache, as another process, and the session in it."""
    store = RedisSessionStore(redis_server.url(), keys=KEYS, model=Account, namespace=NAMESPACE)
    async with store:
        await store.create(ID)
        yield store


@pytest.fixture
async def reader(redis_server: RedisServer) -> AsyncIterator[Store]:
    """Open a store with a near cache."""
    async with near_store(redis_server.url(query="?client_name=reader")) as store:
        yield store


def kill(server: RedisServer, name: str) -> None:
    """End the connection of a client."""
    with server.client() as client:
        (found,) = [known["id"] for known in client.client_list() if known["name"] == name]
        assert client.client_kill_filter(_id=found) == 1


async def visits(store: Store, session_id: str = ID, **how: Any) -> int | None:
    """Read the counter that the tests move; None where there is no session."""
    session = await store.get(session_id, **how)
    return None if session is None else session.visits


async def sees(store: Store, value: int | None) -> float:
    """Read until the near cache says this; give the seconds that took."""
    began = time.monotonic()
    while await visits(store) != value:
        assert time.monotonic() - began < SOON, f"still not {value}"
        await asyncio.sleep(0.001)
    return time.monotonic() - began


async def warm(store: Store) -> None:
    """Have the session near."""
    hits = (await store.get_stats()).near_cache["hits"]
    async with asyncio.timeout(SOON):
        while (await store.get_stats()).near_cache["hits"] == hits:
            await store.get(ID)


async def test_an_unchanged_session_is_read_once(
    writer: Store, reader: Store, redis_server: RedisServer
) -> None:
    """All other reads are answered here, until another process moves it; then one more is sent."""
    await warm(reader)
    before = count_calls(redis_server, "hgetall")
    for _ in range(1000):
        assert await visits(reader) == 0
    assert count_calls(redis_server, "hgetall") == before
    await writer.increment_counter(ID, "visits")
    assert await sees(reader, 1) < AT_ONCE
    for _ in range(1000):
        assert await visits(reader) == 1
    assert count_calls(redis_server, "hgetall") - before <= 2


async def test_the_own_writes_are_seen_at_once(writer: Store, reader: Store) -> None:
    """However soon one reads after them."""
    for turn in range(200):
        await reader.increment_counter(ID, "visits")
        assert await visits(reader) == turn + 1


async def test_another_process_is_seen_within_milliseconds(writer: Store, reader: Store) -> None:
    """What is read is never older than a write that was acknowledged a quarter second before."""
    acknowledged = [(0.0, 0)]

    async def write() -> None:
        for value in range(1, 301):
            await writer.increment_counter(ID, "visits")
            acknowledged.append((time.monotonic(), value))

    writing = asyncio.create_task(write())
    reads = 0
    while not writing.done():
        known = max(value for at, value in acknowledged if at <= time.monotonic() - AT_ONCE)
        seen = await visits(reader)
        assert seen is not None
        assert seen >= known
        reads += 1
        await asyncio.sleep(0)
    await writing
    assert reads > 300
    assert await sees(reader, 300) < AT_ONCE
    assert (await reader.get_stats()).near_cache["hits"] > 0


async def test_a_draft_leaves_snapshots_near(writer: Store, reader: Store) -> None:
    """Nobody's: neither that of another process nor an own one is a change to the session."""
    await warm(reader)
    with reader.listening(ID) as bell:
        assert await reader.read_draft(ID) is None
        before = (await reader.get_stats()).near_cache
        await writer.keep_draft(ID, "another's")
        assert await bell.rung(SOON)
        await reader.keep_draft(ID, "own")
        assert await visits(reader) == 0
    after = (await reader.get_stats()).near_cache
    assert after["hits"] == before["hits"] + 1
    assert [after[name] for name in ("misses", "invalidations", "entries")] == [
        before[name] for name in ("misses", "invalidations", "entries")
    ]


async def test_no_racing_fill_is_left_stale(writer: Store, reader: Store) -> None:
    """Reads under way while a session moves: what is near afterwards is what the store has."""
    ids = [f"s{number}" for number in range(50)]
    for session_id in ids:
        await writer.create(session_id)
    await warm(reader)
    for _ in range(20):
        calls = [visits(reader, session_id) for session_id in ids]
        writes = [writer.increment_counter(session_id, "visits") for session_id in ids]
        more = [visits(reader, session_id) for session_id in ids]
        mixed = [call for three in zip(calls, writes, more, strict=True) for call in three]
        await asyncio.gather(*mixed)
        # Whatever was pushed before this answer has been heard.
        fresh = [await visits(reader, session_id, fresh=True) for session_id in ids]
        assert [await visits(reader, session_id) for session_id in ids] == fresh


async def test_nothing_is_near_past_its_deadline(writer: Store, reader: Store) -> None:
    """Though Redis tells of an expiry up to a third of a second late."""
    await writer.extend(ID, 0.4)
    began = time.monotonic()
    await warm(reader)
    while await visits(reader) is not None:
        assert time.monotonic() - began < 0.45
        await asyncio.sleep(0)
    assert time.monotonic() - began > 0.3


async def test_a_flushed_store_is_seen_at_once(
    writer: Store, reader: Store, redis_server: RedisServer
) -> None:
    """FLUSHALL drops what is near, too."""
    await warm(reader)
    redis_server.ask("FLUSHALL")
    assert await sees(reader, None) < AT_ONCE
    assert (await reader.get_stats()).near_cache["flushes"] > 0


async def test_a_killed_connection_leaves_nothing_stale(
    writer: Store, reader: Store, redis_server: RedisServer
) -> None:
    """What was promised over it is forgotten; the next one starts anew."""
    for turn in range(1, 11):
        await warm(reader)
        kill(redis_server, "reader")
        await writer.increment_counter(ID, "visits")
        assert await sees(reader, turn) < AT_ONCE


async def test_what_moved_while_away_is_seen_afterwards(
    writer: Store, redis_server: RedisServer
) -> None:
    """A write between two connections of the reader."""
    async with (
        Proxy((HOST, redis_server.port)) as proxy,
        near_store(f"redis://{HOST}:{proxy.port}/0") as reader,
    ):
        for turn in range(1, 11):
            await warm(reader)
            proxy.cut()
            await writer.increment_counter(ID, "visits")
            assert await sees(reader, turn) < AT_ONCE


@pytest.mark.slow
async def test_a_silent_partition_is_bounded(writer: Store, redis_server: RedisServer) -> None:
    """After three pings without a word nothing is answered from near: it fails, or it is new."""
    async with (
        Proxy((HOST, redis_server.port)) as proxy,
        near_store(f"redis://{HOST}:{proxy.port}/0", ping=PING) as reader,
    ):
        for turn in range(1, 4):
            await warm(reader)
            with proxy.frozen():
                began = time.monotonic()
                await writer.increment_counter(ID, "visits")
                last_stale = await stale_until_failure(reader, turn)
                assert last_stale - began <= 3 * PING + 0.05
            assert await sees(reader, turn) < SOON


async def stale_until_failure(reader: Store, newest: int) -> float:
    """Read until nothing old is answered any more; say when the last old answer was given."""
    last = 0.0
    while True:
        try:
            async with asyncio.timeout(3 * PING):
                seen = await visits(reader)
        except (StoreUnavailable, TimeoutError):
            return last
        if seen == newest:
            return last
        last = time.monotonic()
        await asyncio.sleep(0.001)


async def test_late_pushes_are_bounded_by_their_delay(
    writer: Store, redis_server: RedisServer
) -> None:
    """They come in order with the answers, so a fill does not overtake them either."""
    async with (
        Proxy((HOST, redis_server.port)) as proxy,
        near_store(f"redis://{HOST}:{proxy.port}/0") as reader,
    ):
        await warm(reader)
        with proxy.delayed(0.05):
            for turn in range(1, 6):
                await writer.increment_counter(ID, "visits")
                assert await sees(reader, turn) < AT_ONCE + 3 * 0.05
                fresh = await visits(reader, fresh=True)
                assert await visits(reader) == fresh == turn


async def test_nothing_is_near_where_the_time_is_not_told(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The store answers as without a near cache; that it may not ask is logged once."""
    own_redis.ask("ACL", "SETUSER", "default", "-time")
    for _ in range(2):
        async with near_store(own_redis.url(), ping=0.1) as store:
            before = count_calls(own_redis, "hgetall")
            await store.exists(ID)
            await store.exists(ID)
            assert count_calls(own_redis, "hgetall") == before + 2
    assert [record.message for record in caplog.records] == ["redis.errand_refused"] * 2
