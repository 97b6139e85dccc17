"""A backend is open once at a time, and as often as one likes one after the other."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.backend import Backend, Read
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.redis import RedisBackend, parse
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.errors import StoreUnavailable
from holdfast.testing.steps import KEY, OTHER_KEY, apply, create, is_absent, read
from tests.redis_servers import RedisServer

Make = Callable[[Path, RedisServer], Backend]
MAKERS: dict[str, Make] = {
    "memory": lambda folder, server: MemoryBackend(),
    "sqlite": lambda folder, server: SQLiteBackend(folder / "sessions.db"),
    "redis": lambda folder, server: RedisBackend(parse(server.url())),
}


@pytest.fixture(params=MAKERS)
def backend(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Backend:
    return MAKERS[request.param](tmp_path, redis_server)


async def test_a_closed_backend_opens_again(backend: Backend) -> None:
    """It answers, and wakes listeners, as if it were new; between the two it refuses."""
    for _ in range(3):
        async with backend:
            assert await is_absent(backend, OTHER_KEY)
            if await is_absent(backend):
                await create(backend)
            with backend.listen(KEY) as bell:
                await apply(backend)
                assert await bell.rung(timeout=5)
        with pytest.raises(StoreUnavailable):
            await backend.execute(Read(KEY))


async def test_an_open_backend_is_not_entered_again(backend: Backend) -> None:
    """Whoever does is told what to do instead; who has it open goes on."""
    async with asyncio.timeout(5), backend:
        made = await create(backend)
        with pytest.raises(RuntimeError, match="open already"):
            async with backend:
                pass
        assert await read(backend) == made


async def test_a_server_that_was_not_there_is_found_later(own_redis: RedisServer) -> None:
    """The backend that could not be opened is as good as new."""
    backend = RedisBackend(parse(own_redis.url()))
    own_redis.stop()
    with pytest.raises(StoreUnavailable):
        await backend.__aenter__()
    own_redis.start()
    async with backend:
        await create(backend)


async def test_a_backend_that_could_not_be_opened_can_be_opened_later(tmp_path: Path) -> None:
    """Once what was wrong is mended."""
    folder = tmp_path / "missing"
    backend = SQLiteBackend(folder / "sessions.db")
    with pytest.raises(Exception, match="folder that exists"):
        await backend.__aenter__()
    folder.mkdir()
    async with backend:
        await create(backend)
