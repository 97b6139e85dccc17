"""Servers that die, freeze, forget, fill up, and come back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import monotonic

import pytest

from holdfast.change import Change
from holdfast.errors import InvalidStore, SessionNotFound, StoreUnavailable
from tests.faults.criteria import (
    SESSIONS,
    Length,
    all_hold,
    in_time,
    measured_lag,
    nothing_left,
    well_again,
)
from tests.redis_servers import ALWAYS, EVERYSEC, RedisServer, running
from tests.tallying import Store, tally_store, took, until, writing

OTHERS = [f"other-{number}" for number in range(8)]
pytestmark = pytest.mark.slow


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[RedisServer]:
    """Run a server that has on disk whatever it has answered."""
    server = RedisServer(tmp_path / "durable", settings=ALWAYS)
    with running(server):
        yield server


@pytest.fixture
def everysec(tmp_path: Path) -> Iterator[RedisServer]:
    """Run a server that brings to disk every second what it has answered."""
    server = RedisServer(tmp_path / "everysec", settings=EVERYSEC)
    with running(server):
        yield server


async def test_nothing_answered_is_lost_by_a_durable_server_that_is_killed(
    durable: RedisServer, length: Length
) -> None:
    """Every step is there once, and the connection is back as soon as the server is."""
    async with (
        nothing_left(durable),
        measured_lag() as lag,
        tally_store(durable.url(), deadline=1.0) as store,
    ):
        async with writing(store, SESSIONS) as writers:
            for times in length.times(3, 20):
                await until(took(writers, 10 * times))
                durable.kill()
                await asyncio.to_thread(durable.start)
                await well_again(writers, monotonic())
        await all_hold(writers)
        in_time(writers, 1.0, lag)


async def test_what_a_cut_file_has_lost_is_told(everysec: RedisServer) -> None:
    """The end of the append-only file is gone, as after a loss of power."""
    async with tally_store(everysec.url(), deadline=1.0) as store:
        async with writing(store, SESSIONS) as writers:
            await until(took(writers, 20))
        everysec.kill()
        _cut(_file(everysec), 2000)
        await asyncio.to_thread(everysec.start)
        await all_hold(writers, lost=True)


async def test_a_server_that_refuses_its_damaged_file_is_unavailable(
    everysec: RedisServer,
) -> None:
    """It ends at its start; nobody is told that a session is gone."""
    async with tally_store(everysec.url(), deadline=1.0) as store:
        await store.create("kept")
        everysec.stop()
        file = _file(everysec)
        whole = file.read_bytes()
        file.write_bytes(whole.replace(b"$", b"%", 1))
        with pytest.raises(AssertionError, match="Redis ended at its start"):
            everysec.start()
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                await store.get("kept")
        file.write_bytes(whole)
        await asyncio.to_thread(everysec.start)
        healed = monotonic()
        while not await _there(store, "kept"):
            assert monotonic() - healed < 5


async def test_a_frozen_server_costs_a_deadline_then_nothing(
    own_redis: RedisServer, length: Length
) -> None:
    """Soon callers are refused at once, few calls are repeated, and it ends with the freeze."""
    deadline = 1.0
    async with (
        nothing_left(own_redis),
        measured_lag() as lag,
        tally_store(own_redis.url(), deadline=deadline) as store,
    ):
        async with writing(store, [*SESSIONS, *OTHERS], pause=0.005) as writers:
            await until(took(writers, 5))
            before = sum(writer.taken for writer in writers)
            own_redis.freeze()
            frozen = monotonic()
            await until(lambda: store.backend.statistics()["breaker_opened"] > 0)
            assert monotonic() - frozen < 2 + lag.longest
            refusals = [await _refused_after(store) for _ in range(100)]
            while monotonic() < frozen + length.of(0, 30):
                refusals.append(await _refused_after(store))
                await asyncio.sleep(0.01)
            assert median(refusals) < 0.005
            own_redis.thaw()
            await well_again(writers, monotonic())
        calls = sum(len(writer.reasons) + writer.taken for writer in writers) - before
        assert store.backend.statistics()["retries"] <= 10 + 0.1 * (calls + len(refusals))
        await all_hold(writers)
        in_time(writers, deadline, lag)


async def test_an_emptied_server_has_no_sessions_and_gets_none_back(
    own_redis: RedisServer,
) -> None:
    """A copy kept by a process does not bring a session back, near or not."""
    async with tally_store(own_redis.url(query="?near_cache=100")) as store:
        session = await store.create("gone")
        await store.increment_counter("gone", "steps")
        kept = await store.get("gone")
        assert kept is not None
        async with store.lease("gone") as lease:
            await asyncio.to_thread(own_redis.restart, empty=True)
            await until(lambda: store.backend.statistics()["connects"] == 2)
            with pytest.raises(SessionNotFound):
                await lease.apply(Change(add={"steps": 1}))
        assert await store.get("gone") is None
        for copy in (session, kept):
            with pytest.raises(SessionNotFound):
                await store.set(copy)
        with pytest.raises(SessionNotFound):
            await store.increment_counter("gone", "steps")
        assert not await store.touch("gone")
        assert not await store.delete("gone")
        assert (await store.create("gone")).incarnation != session.incarnation


async def test_a_full_server_refuses_writes_and_answers_reads(own_redis: RedisServer) -> None:
    """Sessions can be ended meanwhile; nothing is evicted, and room is used again."""
    async with tally_store(own_redis.url(), deadline=1.0) as store:
        for session_id in SESSIONS:
            await store.create(session_id)
        async with store.lease(SESSIONS[1]):
            own_redis.ask("CONFIG", "SET", "maxmemory", "1mb")
            with pytest.raises(StoreUnavailable, match="no memory left"):
                await store.increment_counter(SESSIONS[0], "steps")
            with pytest.raises(StoreUnavailable):
                await store.create("one-more")
            for session_id in SESSIONS:
                assert await store.get(session_id) is not None
            assert await store.delete(SESSIONS[2])
        own_redis.ask("CONFIG", "SET", "maxmemory", "0")
        async with writing(store, ["another"]) as writers:
            await well_again(writers, monotonic())
        assert await store.count_active() == len(SESSIONS)
        assert own_redis.info("stats")["evicted_keys"] == 0


async def test_a_user_who_may_not_do_everything_is_told_so(own_redis: RedisServer) -> None:
    """It is no damage to the session, and sending again does not help."""
    own_redis.ask("ACL", "SETUSER", "agent", "on", ">of-the-tests", "~hf:*", "&hf:*", "+@all")
    own_redis.user, own_redis.password = "agent", "of-the-tests"
    async with tally_store(own_redis.url()) as store:
        await store.create("there")
        own_redis.user = own_redis.password = ""
        own_redis.ask("ACL", "SETUSER", "agent", "-hset")
        with pytest.raises(InvalidStore, match="refuses what a store has to do"):
            await store.increment_counter("there", "steps")
        own_redis.ask("ACL", "SETUSER", "agent", "+hset")
        assert await store.increment_counter("there", "steps") == 1


def _file(server: RedisServer) -> Path:
    """Find the file that changes are appended to."""
    (file,) = server.folder.rglob("*.incr.aof")
    return file


def _cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:-size])


async def _there(store: Store, session_id: str) -> bool:
    """Ask for a session: it is there, or nobody knows."""
    try:
        assert await store.get(session_id) is not None
    except StoreUnavailable:
        await asyncio.sleep(0.02)
        return False
    return True


async def _refused_after(store: Store) -> float:
    """Say how long a call took that the breaker refused; those let through do not count."""
    while True:
        began = monotonic()
        with pytest.raises(StoreUnavailable) as refused:
            await store.get(SESSIONS[0])
        await asyncio.sleep(0)
        if "left alone" in refused.value.reason:
            return monotonic() - began


async def test_a_server_that_does_not_know_a_command_tells_nothing(tmp_path: Path) -> None:
    """It repeats what it was sent; the error that a caller gets has its code alone."""
    server = RedisServer(tmp_path / "redis", settings={"rename-command": 'HGETALL ""'})
    with running(server):
        async with tally_store(server.url()) as store:
            for session_id in SESSIONS:
                with pytest.raises(InvalidStore, match=r"\(ERR: the server does not know"):
                    await store.get(session_id)
