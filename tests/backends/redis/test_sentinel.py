"""Under Sentinels a store follows the primary, and tells of what a failover lost."""

import asyncio
from time import monotonic

import pytest

from holdfast.backend import Add
from holdfast.backends.redis import RedisBackend, parse
from holdfast.backends.redis.link import Command
from holdfast.backends.redis.location import Address
from holdfast.backends.redis.node import Node
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.sentinel import Sentinel
from holdfast.errors import InvalidStore, SessionRolledBack, StoreUnavailable
from holdfast.testing.steps import apply, create
from tests.redis_servers import RedisServer, free_port
from tests.redis_topologies import Replicated
from tests.tallying import Store, tally_store, took, until, went_on, writing

DOWN_AFTER = 0.8
SESSIONS = [f"session-{number}" for number in range(8)]


@pytest.mark.slow
async def test_a_killed_primary_is_replaced(own_sentinels: Replicated) -> None:
    """Nobody waits longer than Sentinel needs to notice and three seconds; no step is lost."""
    old = own_sentinels.primary
    async with tally_store(own_sentinels.url, deadline=1.0) as store:
        async with writing(store, SESSIONS, pause=0.001) as writers:
            await until(took(writers, 20))
            killed = monotonic()
            old.kill()
            await until(went_on(writers, killed + 0.5))
        assert max(writer.longest for writer in writers) < DOWN_AFTER + 3
        for writer in writers:
            await writer.check()
        assert store.backend.statistics()["failovers"] == 1


@pytest.mark.slow
async def test_a_primary_that_slept_through_its_replacement_is_not_written_to(
    own_sentinels: Replicated,
) -> None:
    """What it was sent before and carries out when it wakes was answered to nobody."""
    old = own_sentinels.primary
    async with tally_store(own_sentinels.url, deadline=1.0) as store:
        async with writing(store, SESSIONS, pause=0.001) as writers:
            await until(took(writers, 20))
            old.freeze()
            await asyncio.to_thread(own_sentinels.failed_over_from, old)
            there = monotonic()
            await until(went_on(writers, there))
            old.thaw()
            steps = [writer.taken for writer in writers]
            await until(
                lambda: all(w.taken > before + 50 for w, before in zip(writers, steps, strict=True))
            )
        for writer in writers:
            await writer.check()
        assert store.backend.statistics()["failovers"] == 1


@pytest.mark.slow
async def test_steps_lost_by_a_forced_failover_are_told(own_sentinels: Replicated) -> None:
    """The old primary is alive and answers until it is left; what it answered last is lost."""
    old = own_sentinels.primary
    async with tally_store(own_sentinels.url) as store:
        async with writing(store, SESSIONS, pause=0.001) as writers:
            await until(took(writers, 20))
            own_sentinels.fail_over()
            await until(lambda: store.backend.statistics()["failovers"] == 1)
            left = monotonic()
            await until(went_on(writers, left + 0.2))
            # Sentinel has not made a replica of it yet, and nobody writes to it any more.
            assert old.ask("ROLE")[0] == b"master"
        for writer in writers:
            await writer.check()
        assert sum(writer.rolled_back for writer in writers) > 0
        assert (await store.get_stats()).rollbacks == sum(w.rolled_back for w in writers)


@pytest.mark.slow
async def test_what_was_near_is_forgotten_with_the_old_primary(own_sentinels: Replicated) -> None:
    """Another process writes to the new one; nobody is told of that by the old one."""
    old = own_sentinels.primary
    async with (
        tally_store(f"{own_sentinels.url}?near_cache=100") as reader,
        tally_store(own_sentinels.url) as writer,
    ):
        await writer.create("near")
        hits = await _hits_after_a_read(reader)
        assert await asyncio.to_thread(old.ask, "WAIT", 2, 5000) == 2
        own_sentinels.fail_over()
        await until(lambda: reader.backend.statistics()["failovers"] == 1)
        await until(lambda: writer.backend.statistics()["failovers"] == 1)
        assert old.ask("ROLE")[0] == b"master"
        await writer.increment_counter("near", "steps")
        session = await reader.get("near")
        assert session is not None
        assert session.steps == 1
        assert await _hits_after_a_read(reader) > hits


@pytest.mark.slow
async def test_a_rollback_is_told_once_and_the_session_works_on(
    own_sentinels: Replicated,
) -> None:
    """Three steps reach no replica before the primary dies."""
    old = own_sentinels.primary
    replicas = [node for node in own_sentinels.nodes if node is not old]
    async with tally_store(own_sentinels.url, deadline=1.0) as store:
        await store.create("lost")
        await store.increment_counter("lost", "steps")
        assert await asyncio.to_thread(old.ask, "WAIT", 2, 5000) == 2
        for replica in replicas:
            replica.freeze()
        old.ask("CLIENT", "KILL", "TYPE", "replica")
        for _ in range(3):
            await store.increment_counter("lost", "steps")
        old.kill()
        for replica in replicas:
            replica.thaw()
        await asyncio.to_thread(own_sentinels.failed_over_from, old)
        await until(lambda: store.backend.statistics()["failovers"] == 1)
        with pytest.raises(SessionRolledBack) as told:
            await store.get("lost")
        assert (told.value.seen, told.value.found) == (5, 2)
        session = await store.get("lost")
        assert session is not None
        assert session.steps == 1
        assert await store.increment_counter("lost", "steps") == 2


async def test_what_a_replica_refuses_waits_for_the_primary(sentinels: Replicated) -> None:
    """A primary that is made a replica for a moment refuses; nobody sees it, nothing is doubled."""
    primary = sentinels.primary
    async with RedisBackend(parse(sentinels.url)) as backend:
        await create(backend, integers={"steps": 0})
        before = primary.info("errorstats").get("errorstat_READONLY")
        primary.ask("REPLICAOF", "127.0.0.1", free_port())
        step = asyncio.create_task(apply(backend, add=(Add("steps", 1, 10),)))
        await until(lambda: primary.info("errorstats").get("errorstat_READONLY") != before)
        assert not step.done()
        primary.ask("REPLICAOF", "NO", "ONE")
        assert (await step).integers == {"steps": 1}


async def test_a_replica_is_not_taken_for_the_primary(sentinels: Replicated) -> None:
    """Whatever Sentinels say."""
    primary = sentinels.primary
    async with tally_store(sentinels.url) as store:
        await store.create("a")
    primary.ask("REPLICAOF", "127.0.0.1", free_port())
    try:
        with pytest.raises(StoreUnavailable, match="is a replica"):
            await tally_store(sentinels.url).__aenter__()
    finally:
        primary.ask("REPLICAOF", "NO", "ONE")


async def test_replicas_are_never_asked(sentinels: Replicated) -> None:
    """A replica may not know yet what was answered already."""
    async with tally_store(sentinels.url) as store:
        await store.create("a")
        assert await store.get("a") is not None
    for node in sentinels.nodes:
        asked = "cmdstat_hgetall" in node.info("commandstats")
        assert asked is (node is sentinels.primary)


async def test_a_dead_sentinel_is_passed_over(sentinels: Replicated) -> None:
    url = sentinels.url.replace("://", f"://127.0.0.1:{free_port()},")
    async with tally_store(url) as store:
        await store.create("a")
        assert store.backend.statistics()["sentinels"] == 3


async def test_a_store_cannot_be_opened_under_a_name_that_no_sentinel_knows(
    sentinels: Replicated,
) -> None:
    with pytest.raises(InvalidStore, match="know no primary 'other'"):
        await tally_store(sentinels.url.replace("/main/", "/other/")).__aenter__()


async def test_a_store_without_any_sentinel_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await tally_store(f"redis+sentinel://127.0.0.1:{free_port()}/main").__aenter__()


async def test_a_plain_server_is_no_sentinel(redis_server: RedisServer) -> None:
    with pytest.raises(InvalidStore, match="is no Sentinel"):
        await tally_store(f"redis+sentinel://{redis_server.address}/main").__aenter__()


async def test_a_link_may_be_opened_again_and_leaves_nothing_running(
    sentinels: Replicated,
) -> None:
    link = Sentinel(parse(sentinels.url))
    for _ in range(3):
        async with link:
            assert await link.send(0, Command(encode(b"ECHO", b"here"))) == b"here"
        assert len(asyncio.all_tasks()) == 1


async def _hits_after_a_read(store: Store) -> float:
    """Read until an answer comes from near, and say how many have by then."""
    hits = (await store.get_stats()).near_cache["hits"]
    async with asyncio.timeout(5):
        while True:
            assert await store.get("near") is not None
            if (now := (await store.get_stats()).near_cache["hits"]) > hits:
                return now
            await asyncio.sleep(0.01)


async def test_a_switch_that_is_announced_while_the_first_node_connects_is_followed(
    sentinels: Replicated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Sentinels are asked again; no connection is left behind."""
    link = Sentinel(parse(sentinels.url.replace("/0", "/0?client_name=entering")))
    opened, elsewhere = Node.open, Address("127.1", sentinels.primary.port)

    async def announce(node: Node) -> None:
        if node.address.port == sentinels.primary.port:
            link._switch(elsewhere)
        await opened(node)

    monkeypatch.setattr(Node, "open", announce)
    async with link:
        assert await link.send(0, Command(encode(b"ECHO", b"here"))) == b"here"
        assert link.statistics()["failovers"] == 0
    await until(lambda: b"name=entering" not in sentinels.primary.ask("CLIENT", "LIST"))
    assert len(asyncio.all_tasks()) == 1


async def test_a_node_that_is_closed_while_it_connects_keeps_no_connection(
    redis_server: RedisServer,
) -> None:
    location = parse(redis_server.url(query="?client_name=late"))
    node = Node(location.addresses[0], location.settings)
    opening = asyncio.create_task(node.open())
    await asyncio.sleep(0)
    await node.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await opening
    await until(lambda: b"name=late" not in redis_server.ask("CLIENT", "LIST"))
