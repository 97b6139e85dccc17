"""What somebody else writes into a session is that session's trouble, and can be removed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from traceback import format_exception

import pytest

from holdfast.backend import (
    Absent,
    Changed,
    Create,
    Created,
    Delete,
    Deleted,
    Drop,
    Found,
    List,
    Listed,
    Operation,
    Purge,
    Purged,
    Read,
    ReadItems,
    Take,
    Touch,
)
from holdfast.backends.redis import RedisBackend, parse
from holdfast.errors import DecryptionFailed, InvalidStore
from holdfast.store import SessionStore
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    OTHER_KEY,
    ask,
    change,
    count,
    create,
    creation,
)
from holdfast.testing.store_steps import ID, KEYS, OTHER, Account
from tests.redis_servers import RedisServer, running

SESSION = f"hf:{{0}}:s:{KEY}"
DAMAGES = {
    "nothing": b"",
    "too little": b"\1" * 50,
    "lengths beyond the end": b"\1" * 80 + b"\xff\xff",
    "integers that are none": bytes(80) + b"\0\0\0\0" + b";n=many;",
}
READS: list[Operation] = [Read(KEY), Touch(KEY), creation()]
WRITES: list[Operation] = [change(), Drop(KEY), ReadItems(KEY, 0, 5)]


@pytest.fixture
async def backend(redis_server: RedisServer) -> AsyncIterator[RedisBackend]:
    async with RedisBackend(parse(redis_server.url())) as backend:
        yield backend


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_others_are_answered_beside_a_damaged_session(
    backend: RedisBackend, redis_server: RedisServer, damage: bytes
) -> None:
    await create(backend)
    await create(backend, OTHER_KEY)
    redis_server.ask("HSET", SESSION, "m", damage)
    for operation in READS:
        with pytest.raises(DecryptionFailed, match="alpha"):
            await backend.execute(operation)
    await ask(backend, change(OTHER_KEY), Changed)
    assert await count(backend) == 2


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: type(operation).__name__)
async def test_nothing_is_written_to_a_damaged_session(
    backend: RedisBackend, redis_server: RedisServer, operation: Operation
) -> None:
    await create(backend)
    redis_server.ask("HSET", SESSION, "m", b"\1" * 50)
    before = redis_server.ask("DUMP", SESSION)
    with pytest.raises(DecryptionFailed, match="alpha"):
        await backend.execute(operation)
    assert redis_server.ask("DUMP", SESSION) == before


async def test_a_key_of_another_kind_is_damage(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    redis_server.ask("SET", SESSION, "text")
    for operation in (Read(KEY), change()):
        with pytest.raises(DecryptionFailed, match="alpha"):
            await backend.execute(operation)


async def test_a_damaged_session_can_be_deleted_and_created_again(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    await create(backend)
    redis_server.ask("HSET", SESSION, "m", b"")
    assert await ask(backend, Delete(KEY), Deleted) == Deleted(True)
    await ask(backend, Read(KEY), Absent)
    await ask(backend, creation(), Created)
    await ask(backend, change(), Changed)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_session_is_not_counted_once_it_is_deleted(
    backend: RedisBackend, redis_server: RedisServer, damage: bytes
) -> None:
    """Whatever is left of it; those beside it stay."""
    for name in ("alpha", "beta", "an-alpha"):
        await create(backend, f"{NAMESPACE}/{name}")
        # Each is to have a moment of its own.
        await asyncio.sleep(0.002)
    redis_server.ask("HSET", SESSION, "m", damage)
    await ask(backend, Delete(KEY), Deleted)
    rows = (await ask(backend, List(NAMESPACE, 5), Listed)).sessions
    assert sorted(name for name, _ in rows) == ["an-alpha", "beta"]
    assert await count(backend) == 2


async def test_a_damaged_session_is_collected_in_its_time(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    await ask(backend, Create(KEY, "i", 1_000, HOUR, b"", {}, {}), Created)
    redis_server.ask("HSET", SESSION, "m", b"")
    redis_server.ask("PEXPIRE", SESSION, 1)
    purged: tuple[str, ...] = ()
    while not purged:
        purged = (await ask(backend, Purge(NAMESPACE, 10), Purged)).session_ids
    assert purged == ("alpha",)
    assert redis_server.ask("DBSIZE") == 1  # how the store is made


async def test_others_are_listed_beside_a_key_of_another_kind(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    await create(backend)
    await create(backend, OTHER_KEY)
    redis_server.ask("SET", SESSION, "text")
    rows = (await ask(backend, List(NAMESPACE, 5), Listed)).sessions
    assert [name for name, _ in rows] == ["alpha", "beta"]


async def test_a_key_of_another_kind_can_be_deleted(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    """Like any session that is damaged."""
    await create(backend)
    redis_server.ask("SET", SESSION, "text")
    assert await ask(backend, Delete(KEY), Deleted) == Deleted(True)
    assert redis_server.ask("EXISTS", SESSION) == 0


async def test_nothing_is_deleted_that_may_not_be_looked_at(tmp_path: Path) -> None:
    """A refusal of the server is not taken for damage."""
    server = RedisServer(tmp_path / "redis")
    with running(server):
        async with RedisBackend(parse(server.url())) as backend:
            await create(backend)
            server.ask("ACL", "SETUSER", "default", "-hget")
            with pytest.raises(InvalidStore, match="may not do"):
                await backend.execute(Delete(KEY))
            assert server.ask("EXISTS", SESSION) == 1


async def test_others_are_collected_beside_a_key_of_another_kind(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    """It is no session any more, so its place in the index goes; the key is somebody else's."""
    for key in (KEY, OTHER_KEY):
        await ask(backend, Create(key, "i", 20_000, HOUR, b"", {}, {}), Created)
    redis_server.ask("SET", SESSION, "text")
    purged: tuple[str, ...] = ()
    while not purged:
        purged = (await ask(backend, Purge(NAMESPACE, 10), Purged)).session_ids
    assert purged == ("beta",)
    assert sorted(redis_server.ask("KEYS", "*")) == [b"hf:{0}:meta", SESSION.encode()]


async def test_others_are_collected_behind_what_cannot_be(
    backend: RedisBackend, redis_server: RedisServer
) -> None:
    """One that somebody has written to since its end is passed over."""
    for key in (KEY, OTHER_KEY):
        await ask(backend, Create(key, "i", 2_000, HOUR, b"", {}, {}), Created)
    while await count(backend):
        await asyncio.sleep(0.001)
    redis_server.ask("HSET", SESSION, "a", "text")
    assert (await ask(backend, Purge(NAMESPACE, 1), Purged)).session_ids == ("beta",)
    assert (await ask(backend, Purge(NAMESPACE, 1), Purged)).session_ids == ()


async def test_a_store_counts_damaged_sessions_and_lists_the_others(
    redis_server: RedisServer,
) -> None:
    backend = RedisBackend(parse(redis_server.url()))
    async with SessionStore(backend, model=Account, keys=KEYS) as store:
        await store.create(ID)
        await store.create(OTHER)
        redis_server.ask("HSET", f"hf:{{0}}:s:default/{ID}", "m", b"\1")
        page = await store.list_active()
        assert [session.session_id for session in page.sessions] == [OTHER]
        assert (await store.get_stats()).unreadable_sessions == 1
        assert len((await ask(backend, List("default", 5), Listed)).sessions) == 2
        await ask(backend, Read(f"default/{OTHER}"), Found)


async def test_an_error_names_no_session(tmp_path: Path) -> None:
    """A server repeats what it does not know; neither the error nor its cause does."""
    server = RedisServer(tmp_path / "redis", settings={"rename-command": 'HGETALL ""'})
    operation = Read("default/secret")
    with running(server):
        async with RedisBackend(parse(server.url())) as backend:
            with pytest.raises(InvalidStore, match="ERR: the server does not know") as caught:
                await backend.execute(operation)
    assert "secret" not in "".join(format_exception(caught.value))


async def test_a_server_without_a_command_is_not_a_damaged_session(tmp_path: Path) -> None:
    """Where a script misses it, too."""
    server = RedisServer(tmp_path / "redis", settings={"rename-command": 'TIME ""'})
    with running(server):
        async with RedisBackend(parse(server.url())) as backend:
            with pytest.raises(InvalidStore, match="ERR: the server does not know"):
                await create(backend)


async def test_a_server_that_refuses_is_no_store(own_redis: RedisServer) -> None:
    """Nobody takes it for an outage that will pass."""
    own_redis.ask("ACL", "SETUSER", "default", "-eval", "-evalsha")
    async with RedisBackend(parse(own_redis.url())) as backend:
        with pytest.raises(InvalidStore, match="NOPERM"):
            await backend.execute(Take("limit", HOUR, 1))
