"""A crowd before one session: four stores, as four processes have them, and a thousand callers."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from holdfast.opening import RedisSessionStore
from holdfast.store import SessionStore
from holdfast.testing.store_steps import ID, KEYS, NAMESPACE, Account
from tests.backends.redis.lines import count_calls
from tests.redis_servers import RedisServer

STORES = 4
EACH = 250


@pytest.mark.slow
async def test_a_crowd_is_served_in_order_and_waits_for_nothing(redis_server: RedisServer) -> None:
    """While another holds it, a thousand callers ask four times a second, all together. Then each
    has its turn alone, and nobody is overtaken in its store.
    """
    turns: list[list[int]] = [[] for _ in range(STORES)]
    inside = 0

    async def turn(place: int, number: int, store: SessionStore[Account]) -> None:
        nonlocal inside
        async with store.lease(ID, wait=60):
            inside += 1
            assert inside == 1, "two held one session"
            turns[place].append(number)
            await asyncio.sleep(0)
            inside -= 1

    async with AsyncExitStack() as opened:
        stores = [
            await opened.enter_async_context(
                RedisSessionStore(
                    redis_server.url(), keys=KEYS, model=Account, namespace=NAMESPACE, deadline=30
                )
            )
            for _ in range(STORES)
        ]
        await stores[0].create(ID)
        grant = await stores[0].leases.acquire(ID, ttl=60, wait=0)
        crowd = [
            asyncio.create_task(turn(place, number, store))
            for number in range(EACH)
            for place, store in enumerate(stores)
        ]
        await asyncio.sleep(0.5)
        before, began = count_calls(redis_server, "evalsha"), time.monotonic()
        await asyncio.sleep(1.5)
        asked = count_calls(redis_server, "evalsha") - before
        assert asked / (time.monotonic() - began) < STORES
        await stores[0].leases.release(ID, grant.token)
        released = time.monotonic()
        await asyncio.gather(*crowd)
        assert time.monotonic() - released < 10
    assert turns == [list(range(EACH))] * STORES
