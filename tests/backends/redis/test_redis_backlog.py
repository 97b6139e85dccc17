"""Expired sessions that nobody has collected are in nobody's way, however many they are."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest

from holdfast.backend import Create, Purge, Purged
from holdfast.backends.redis import RedisBackend, parse
from holdfast.events import LOST, Event
from holdfast.testing.steps import DAY, NAMESPACE, ask, count, create, fresh
from tests.backends.redis.test_redis_index import LONG_AGO, Book
from tests.redis_servers import RedisServer

SOON: Final = 5.0


@pytest.fixture
async def backend(redis_server: RedisServer) -> AsyncIterator[RedisBackend]:
    async with RedisBackend(parse(redis_server.url())) as backend:
        yield backend


async def create_again(backend: RedisBackend, session_id: str) -> None:
    """Create a session whose id was another one's, and have nobody look for that."""
    key = f"{NAMESPACE}/{session_id}"
    await backend.execute(Create(key, fresh(), DAY, DAY, b"", {}, {}, minted=True))


async def test_a_creation_looks_at_so_many_leaves_and_no_more(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    """What is left of an earlier session of the id goes all the same; its end is told of later."""
    book = Book(redis_server, 1)
    for number in range(600):
        book.do("enter", f"s{number}", LONG_AGO + 2 * number, LONG_AGO + 5_000 + number)
    redis_server.ask("RPUSH", "hf:{0}:i:n/s599", "an item of before")
    redis_server.ask("CONFIG", "RESETSTAT")
    async with backend.events("n") as events:
        await create(backend, "n/s599")
        assert redis_server.info("commandstats")["cmdstat_hmget"]["calls"] == 1
        assert await asyncio.wait_for(anext(events), SOON) == Event("created", "s599")
        assert redis_server.ask("EXISTS", "hf:{0}:i:n/s599") == 0
        assert await count(backend, "n") == 1
        collected = (await ask(backend, Purge("n", 1_000), Purged)).session_ids
        assert collected == tuple(f"s{number}" for number in range(599))
        assert await asyncio.wait_for(anext(events), SOON) == LOST
        assert await count(backend, "n") == 1


async def test_the_end_of_a_session_whose_id_came_back_is_a_loss_to_who_watches(
    backend: RedisBackend,
) -> None:
    """That is told of once, when it is collected, since its own end was not."""
    await create(backend, ttl=2_000)
    while await count(backend):
        await asyncio.sleep(0.001)
    await create_again(backend, "alpha")
    async with backend.events(NAMESPACE) as events:
        for _ in range(2):
            assert (await ask(backend, Purge(NAMESPACE, 10), Purged)).session_ids == ()
        await create(backend, f"{NAMESPACE}/beta")
        assert await asyncio.wait_for(anext(events), SOON) == LOST
        assert await asyncio.wait_for(anext(events), SOON) == Event("created", "beta")


async def test_those_behind_sessions_whose_ids_came_back_are_collected(
    backend: RedisBackend,
) -> None:
    """In the same call, though nothing of the first ones is."""
    for number in range(300):
        await create(backend, f"{NAMESPACE}/{number}", ttl=2_000)
    while await count(backend):
        await asyncio.sleep(0.001)
    for number in range(299):
        await create_again(backend, str(number))
    assert (await ask(backend, Purge(NAMESPACE, 1_000), Purged)).session_ids == ("299",)
    assert await count(backend) == 299
