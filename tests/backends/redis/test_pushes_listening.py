"""Listening on Redis: pushes over the connection that everything goes over, in whatever weather."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from holdfast.backend import Acquire, Delete, Deleted, Granted, Read, Release, Renew, Touch
from holdfast.backends.redis import RedisBackend, parse
from holdfast.bells import Bell
from holdfast.testing.steps import HOUR, KEY, OTHER_KEY, apply, ask, create, read
from tests.backends.redis.lines import count_calls, processes
from tests.redis_servers import RedisServer

SOON = 5.0
Processes = list[RedisBackend]


@pytest.fixture
async def workers(redis_server: RedisServer) -> AsyncIterator[Processes]:
    """Give two processes that share a session."""
    async with processes(redis_server, 2) as backends:
        await create(backends[0])
        yield backends


async def rings(bell: Bell, here: RedisBackend) -> bool:
    """Wait for a ring and look at the session, as who listens does."""
    rung = await bell.rung(SOON)
    await here.execute(Read(KEY))
    return rung


async def silent(bell: Bell, seconds: float = 0.05) -> bool:
    """Say whether a bell stays silent for a while."""
    return not await bell.rung(seconds)


async def test_what_another_process_does_rings(workers: Processes) -> None:
    """Each time: a bell that has rung goes on listening."""
    here, there = workers
    with here.listen(KEY) as bell:
        await read(here)
        for _ in range(20):
            await apply(there)
            assert await rings(bell, here)
        await ask(there, Acquire(KEY, "mine", HOUR), Granted)
        assert await rings(bell, here)
        await ask(there, Acquire(KEY, "thief", HOUR, steal=True), Granted)
        assert await rings(bell, here)
        await there.execute(Release(KEY, "thief"))
        assert await rings(bell, here)
        await there.execute(Touch(KEY, ttl=HOUR // 2))
        assert await rings(bell, here)
        await ask(there, Delete(KEY), Deleted)
        assert await rings(bell, here)
        await create(there)
        assert await rings(bell, here)


async def test_what_is_done_right_after_the_listening_began_rings(workers: Processes) -> None:
    """Listening sends its look at once, before anything that is sent afterwards."""
    here, there = workers
    for _ in range(50):
        with here.listen(KEY) as bell:
            await read(here)
            await apply(there)
            assert await bell.rung(SOON)


async def test_expiry_rings(workers: Processes) -> None:
    """When Redis notices, which is at once or a third of a second later."""
    here, there = workers
    await there.execute(Touch(KEY, ttl=150_000))
    with here.listen(KEY) as bell:
        assert await bell.rung(1.0)


async def test_other_sessions_do_not_ring(workers: Processes) -> None:
    """Nor do reads, of whomever."""
    here, there = workers
    await create(there, OTHER_KEY)
    with here.listen(KEY) as bell:
        await apply(there, OTHER_KEY)
        await read(there)
        assert await silent(bell)
        await apply(there)
        assert await bell.rung(SOON)


async def test_ring_by_ring_one_look_is_sent(workers: Processes, redis_server: RedisServer) -> None:
    """However many listen; and none any more when nobody does."""
    here, there = workers
    with ExitStack() as listening:
        bells = [listening.enter_context(here.listen(KEY)) for _ in range(20)]
        await read(here)
        before = count_calls(redis_server, "exists")
        for _ in range(10):
            await apply(there)
            assert all(await asyncio.gather(*(rings(bell, here) for bell in bells)))
        assert count_calls(redis_server, "exists") - before == 10
    await apply(there)
    await apply(there)
    await read(here)
    assert count_calls(redis_server, "exists") - before == 10
    assert here.statistics()["listeners"] == 0


async def test_a_lost_connection_rings_and_listening_goes_on(
    workers: Processes, redis_server: RedisServer
) -> None:
    """Rung once the next connection listens, for whatever happened in between."""
    here, there = workers
    with here.listen(KEY) as bell, here.listen(OTHER_KEY) as other:
        await read(here)
        for _ in range(3):
            began = time.monotonic()
            redis_server.ask("CLIENT", "KILL", "TYPE", "normal")
            assert await bell.rung(SOON)
            assert time.monotonic() - began < 1
            assert await other.rung(SOON)
            await read(here)
            await apply(there)
            assert await bell.rung(SOON)
            assert await silent(other)


async def test_flushed_sessions_ring(workers: Processes, redis_server: RedisServer) -> None:
    """And the listening goes on."""
    here, there = workers
    with here.listen(KEY) as bell:
        await read(here)
        redis_server.ask("FLUSHALL")
        assert await rings(bell, here)
        await create(there)
        assert await bell.rung(SOON)


@pytest.mark.slow
async def test_an_outage_rings(own_redis: RedisServer) -> None:
    """When it lasts: who asks then is told of it. When it is over, everybody is rung again."""
    async with RedisBackend(parse(own_redis.url())) as backend:
        await create(backend)
        with backend.listen(KEY) as bell:
            await read(backend)
            own_redis.kill()
            began = time.monotonic()
            assert await bell.rung(SOON)
            assert 1.5 < time.monotonic() - began < 3
            own_redis.start()
            assert await bell.rung(SOON)
            await create(backend)
            assert await bell.rung(SOON)


async def test_closing_rings(redis_server: RedisServer) -> None:
    """Nobody waits for what cannot come any more; and it may be opened again."""
    backend = RedisBackend(parse(redis_server.url()))
    with backend.listen(KEY) as bell, backend.line_up(KEY, "token") as turn:
        async with backend:
            await create(backend)
            assert await bell.rung(SOON)
        assert await bell.rung(SOON)
        assert await turn.rung(SOON)
        async with backend:
            await apply(backend)
            assert await bell.rung(SOON)
    assert backend.statistics()["listeners"] == 0


async def test_a_renewal_does_not_move_the_session(workers: Processes) -> None:
    """A bell may ring for it, and what is read then is what was."""
    here, there = workers
    await ask(there, Acquire(KEY, "mine", HOUR), Granted)
    before = await read(here)
    with here.listen(KEY):
        await ask(there, Renew(KEY, "mine", HOUR), Granted)
        assert await read(here) == before
