"""Drafts on Redis: a key beside the session, which rings in every process and ends with it."""

from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Delete, Deleted, DraftFound, DraftKept, KeepDraft, Purge, ReadDraft
from holdfast.backends.redis import RedisBackend
from holdfast.testing.steps import HOUR, KEY, NAMESPACE, apply, ask, create, expect, read
from tests.backends.redis.lines import count_calls, processes
from tests.redis_servers import RedisServer

SOON = 5.0
DRAFT = f"hf:{{0}}:r:{KEY}"


@pytest.fixture
async def workers(redis_server: RedisServer) -> AsyncIterator[list[RedisBackend]]:
    """Give two processes that share a store."""
    async with processes(redis_server, 2) as backends:
        yield backends


async def drafted(backend: RedisBackend) -> bytes:
    return (await ask(backend, ReadDraft(KEY), DraftFound)).sealed


async def test_the_drafts_of_another_process_ring(workers: list[RedisBackend]) -> None:
    """Each of them, kept or taken away, for who reads after a ring."""
    here, there = workers
    await create(here)
    with here.listen(KEY) as bell:
        assert await drafted(here) == b""
        for number in range(50):
            sealed = b"" if number % 5 == 4 else b"%d" % number
            await expect(there, KeepDraft(KEY, sealed), DraftKept())
            assert await bell.rung(SOON), number
            assert await drafted(here) == sealed


async def test_a_draft_is_one_call(workers: list[RedisBackend], redis_server: RedisServer) -> None:
    """To keep, and to read."""
    backend = workers[0]
    await create(backend)
    before = count_calls(redis_server, "evalsha")
    for _ in range(10):
        await expect(backend, KeepDraft(KEY, b"draft"), DraftKept())
        assert await drafted(backend) == b"draft"
    assert count_calls(redis_server, "evalsha") - before <= 2 * 10 + 2


async def test_a_draft_has_an_end_of_its_own(
    workers: list[RedisBackend], redis_server: RedisServer
) -> None:
    """The greatest age of its session: it stays while the session is given more time."""
    backend = workers[0]
    record = await create(backend, ttl=HOUR, max_age=3 * HOUR)
    await expect(backend, KeepDraft(KEY, b"draft"), DraftKept())
    end = redis_server.ask("PEXPIRETIME", DRAFT)
    assert end == -(-record.cap // 1000)
    await apply(backend, slide=True)
    assert redis_server.ask("PEXPIRETIME", DRAFT) == end


async def test_a_draft_leaves_nothing(
    workers: list[RedisBackend], redis_server: RedisServer
) -> None:
    """Taken away, deleted with its session, or collected after it has expired."""
    backend = workers[0]
    before = set(redis_server.ask("KEYS", "*"))
    await create(backend)
    alive = set(redis_server.ask("KEYS", "*"))
    for sealed in (b"draft", b""):
        await expect(backend, KeepDraft(KEY, sealed), DraftKept())
    assert set(redis_server.ask("KEYS", "*")) == alive
    await expect(backend, KeepDraft(KEY, b"draft"), DraftKept())
    await ask(backend, Delete(KEY), Deleted)
    assert set(redis_server.ask("KEYS", "*")) == before
    await create(backend, ttl=200_000)
    await expect(backend, KeepDraft(KEY, b"draft"), DraftKept())
    with backend.listen(KEY) as bell:
        await read(backend)
        assert await bell.rung(SOON)
    assert redis_server.ask("EXISTS", DRAFT) == 1
    await backend.execute(Purge(NAMESPACE, 1))
    assert set(redis_server.ask("KEYS", "*")) == before
