"""Backends that stand for processes, and contenders for a lease, as `holdfast.lease` has them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from holdfast.backend import Acquire, Backend, Granted, Held, Release, Released
from holdfast.backends.redis import RedisBackend, parse
from holdfast.testing.steps import HOUR, KEY, ask, expect
from tests.redis_servers import RedisServer


@asynccontextmanager
async def processes(server: RedisServer, count: int) -> AsyncGenerator[list[RedisBackend]]:
    """Open so many backends on one server: each stands in lines under a name of its own."""
    async with AsyncExitStack() as opened:
        yield [
            await opened.enter_async_context(RedisBackend(parse(server.url())))
            for _ in range(count)
        ]


async def queue(backend: Backend, token: str, *, key: str = KEY, ttl: int = HOUR) -> Granted:
    """Wait for the lease for as long as it takes."""
    with backend.line_up(key, token) as bell:
        while True:
            outcome = await backend.execute(Acquire(key, token, ttl, waits=True))
            if isinstance(outcome, Granted):
                return outcome
            assert isinstance(outcome, Held)
            assert outcome.beat > 0, "who waits is told when to ask again"
            await bell.rung(outcome.beat / 1_000_000)


async def stand(backend: Backend, token: str, *, key: str = KEY, ttl: int = HOUR) -> Held:
    """Enter the line, or ask again in it, and not get the lease."""
    return await ask(backend, Acquire(key, token, ttl, waits=True), Held)


async def line_up(backend: Backend, token: str, **terms: Any) -> "asyncio.Task[Granted]":
    """Let a contender wait, and come back when it stands in the line."""
    task = asyncio.create_task(queue(backend, token, **terms))
    await stand(backend, token, **terms)
    return task


async def release(backend: Backend, token: str, *, key: str = KEY) -> None:
    """Give back what this token has."""
    await expect(backend, Release(key, token), Released(True))


def count_calls(server: RedisServer, *names: str) -> int:
    """Say how often the server was asked to run these commands by anybody but a script."""
    statistics = server.info("commandstats")
    return sum(statistics.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in names)
