"""On a cluster a store follows slots and primaries, and nobody sees it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from holdfast.backends.redis import parse
from holdfast.backends.redis.cluster import BUCKETS
from holdfast.backends.redis.cluster import Cluster as ClusterLink
from holdfast.backends.redis.hearing import Deaf
from holdfast.backends.redis.keys import bucket_of
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.listening import TRACKED
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.slots import slot_of
from holdfast.errors import InvalidStore, StoreUnavailable
from tests.redis_servers import RedisServer, free_port, running
from tests.redis_topologies import Cluster
from tests.tallying import tally_store, took, until, went_on, writing

NODE_TIMEOUT = 1.0
SPREAD = [f"session-{number}" for number in range(16)]


def in_bucket(bucket: int, many: int) -> list[str]:
    """Find ids of sessions that are in one bucket."""
    found: Iterator[str] = (
        session_id
        for session_id in map("session-{}".format, count())
        if bucket_of(f"default/{session_id}".encode(), BUCKETS) == bucket
    )
    return [next(found) for _ in range(many)]


async def ask(link: ClusterLink, bucket: int, *words: str) -> Reply:
    """Send a command as a backend does."""
    command = Command(encode(*(word.encode() for word in words)))
    try:
        return await link.send(bucket, command)
    except Refused as refused:
        return await link.recover(bucket, command, refused)


def errors_of(cluster: Cluster) -> set[str]:
    """Name the errors that the nodes have answered with."""
    return {name for node in cluster.primaries for name in node.info("errorstats")}


@pytest.mark.slow
async def test_a_slot_that_moves_under_load_is_seen_by_nobody(redis_cluster: Cluster) -> None:
    """Every step is taken once, while keys are on both nodes, on the way, and back again."""
    bucket = 7
    slot = slot_of(bucket)
    source = redis_cluster.owner(slot)
    target = next(node for node in redis_cluster.primaries if node is not source)
    async with AsyncExitStack() as stack:
        plain = await stack.enter_async_context(tally_store(redis_cluster.url))
        near = await stack.enter_async_context(tally_store(f"{redis_cluster.url}?near_cache=100"))
        sessions = in_bucket(bucket, 8)
        async with writing(plain, sessions[:4]) as first, writing(near, sessions[4:]) as second:
            writers = first + second
            for old, new in ((source, target), (target, source)):
                await until(took(writers, 20))
                redis_cluster.open_slot(slot, old, new)
                while await asyncio.to_thread(redis_cluster.move_keys, slot, old, new, 1):
                    assert await near.get(sessions[4]) is not None
                    assert await plain.get(sessions[0]) is not None
                redis_cluster.close_slot(slot, old, new)
                moved = monotonic()
                await until(went_on(writers, moved))
        for writer in writers:
            await writer.check()
            assert writer.reasons == []
        assert plain.backend.statistics()["redirects"] > 0
    assert {"errorstat_TRYAGAIN", "errorstat_MOVED", "errorstat_ASK"} <= errors_of(redis_cluster)


@pytest.mark.slow
async def test_slots_are_spread_anew_under_load(redis_cluster: Cluster) -> None:
    """Twelve buckets go to another node and come back; the map is not asked for with each."""
    source, target, _ = redis_cluster.primaries
    slots = [slot for b in range(BUCKETS) if redis_cluster.owner(slot := slot_of(b)) is source][:12]

    def spread() -> None:
        for old, new in ((source, target), (target, source)):
            for slot in slots:
                redis_cluster.migrate(slot, old, new)

    async with tally_store(redis_cluster.url) as store:
        async with writing(store, [f"s-{number}" for number in range(64)]) as writers:
            await until(took(writers, 2))
            await asyncio.to_thread(spread)
            steps = {writer.session_id: writer.taken for writer in writers}
            await until(lambda: all(w.taken > steps[w.session_id] + 2 for w in writers))
        for writer in writers:
            await writer.check()
            assert writer.reasons == []
        statistics = store.backend.statistics()
        assert statistics["map_refreshes"] < 24
        assert statistics["crossed_replies"] == 0
        assert await store.count_active() == 64
        page = await store.list_active(limit=100)
        assert len(page.sessions) == 64


async def test_scripts_flushed_from_the_nodes_are_brought_back(redis_cluster: Cluster) -> None:
    async with tally_store(redis_cluster.url) as store, writing(store, SPREAD) as writers:
        for times in range(1, 10):
            for node in redis_cluster.primaries:
                node.ask("SCRIPT", "FLUSH")
            await until(took(writers, 3 * times))
    for writer in writers:
        assert writer.reasons == []
    assert "errorstat_NOSCRIPT" in errors_of(redis_cluster)


@pytest.mark.slow
async def test_a_killed_primary_is_replaced_by_its_replica(own_cluster: Cluster) -> None:
    """Sessions elsewhere go on; those on it wait for the failover, and three seconds at most."""
    dead = own_cluster.primaries[0]
    async with tally_store(own_cluster.url, deadline=1.0) as store:
        async with writing(store, SPREAD, pause=0.001) as writers:
            await until(took(writers, 20))
            killed = monotonic()
            dead.kill()
            await until(went_on(writers, killed + 0.2))
        longest = {writer.session_id: writer.longest for writer in writers}
        hit = {
            session_id
            for session_id in SPREAD
            if own_cluster.owner(slot_of(bucket_of(f"default/{session_id}".encode(), BUCKETS)),
                                 own_cluster.primaries[1])
            is own_cluster.replica_of(dead)
        }  # fmt: skip
        assert 0 < len(hit) < len(SPREAD)
        assert max(longest[session_id] for session_id in hit) < NODE_TIMEOUT + 3
        assert max(longest[session_id] for session_id in set(SPREAD) - hit) < NODE_TIMEOUT
        for writer in writers:
            await writer.check()
        assert store.backend.statistics()["failovers"] == 1


@pytest.mark.slow
async def test_a_frozen_primary_is_replaced_and_not_asked_when_it_wakes(
    own_cluster: Cluster,
) -> None:
    """Its connection is silent and is given up; the map then shows who has its slots."""
    frozen = own_cluster.primaries[0]
    async with tally_store(own_cluster.url, deadline=1.0) as store:
        async with writing(store, SPREAD, pause=0.001) as writers:
            await until(took(writers, 20))
            stopped = monotonic()
            frozen.freeze()
            await until(went_on(writers, stopped + 1))
            frozen.thaw()
            await until(went_on(writers, monotonic() + 0.2))
        assert max(writer.longest for writer in writers) < NODE_TIMEOUT + 3
        for writer in writers:
            await writer.check()
        assert store.backend.statistics()["failovers"] == 1


@pytest.mark.slow
async def test_a_primary_that_is_taken_over_is_left(own_cluster: Cluster) -> None:
    """Its replica takes its slots without asking anybody; what only the old one had is told."""
    replica = own_cluster.replicas[1]
    async with tally_store(own_cluster.url, deadline=1.0) as store:
        async with writing(store, SPREAD, pause=0.001) as writers:
            await until(took(writers, 20))
            replica.ask("CLUSTER", "FAILOVER", "TAKEOVER")
            await until(lambda: replica.ask("ROLE")[0] == b"master")
            taken_over = monotonic()
            await until(went_on(writers, taken_over + 0.5))
        for writer in writers:
            await writer.check()
        assert store.backend.statistics()["failovers"] == 1


@pytest.mark.slow
async def test_a_cluster_that_was_away_is_found_again(own_cluster: Cluster) -> None:
    """All primaries are killed and started again, their replicas are gone."""
    for node in own_cluster.replicas:
        node.kill()
    async with tally_store(own_cluster.url, deadline=1.0) as store:
        await store.create("a")
        for node in own_cluster.primaries:
            node.kill()
        with pytest.raises(StoreUnavailable):
            await store.get("a")
        for node in own_cluster.primaries:
            await asyncio.to_thread(node.start)
        started = monotonic()
        while True:
            try:
                assert await store.get("a") is None
                break
            except StoreUnavailable:
                await asyncio.sleep(0.05)
        assert monotonic() - started < 5


class Heard(Deaf):
    """Keeps what was pushed, and counts what was lost."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.losses = 0

    def pushed(self, kind: bytes, message: list[Any]) -> None:
        if kind == b"invalidate":
            self.keys += message[1] or []

    def lost(self) -> None:
        self.losses += 1


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
async def link(redis_cluster: Cluster, heard: Heard) -> AsyncIterator[ClusterLink]:
    async with ClusterLink(parse(redis_cluster.url), hearing=heard) as link:
        yield link


async def test_a_tracked_read_on_the_way_is_tracked_where_it_was_answered(
    redis_cluster: Cluster, link: ClusterLink, heard: Heard
) -> None:
    """The node that imports the slot answers, and tells of the next move of the key."""
    bucket, slot = 7, slot_of(7)
    source = redis_cluster.owner(slot)
    target = next(node for node in redis_cluster.primaries if node is not source)
    await ask(link, bucket, "HSET", "hf:{7}:s:a", "m", "1")
    redis_cluster.open_slot(slot, source, target)
    redis_cluster.move_keys(slot, source, target, 10)
    command = Command(encode(b"HGETALL", b"hf:{7}:s:a"), prelude=TRACKED, preludes=1)
    with pytest.raises(Refused) as refused:
        await link.send(bucket, command)
    assert refused.value.code == "ASK"
    assert await link.recover(bucket, command, refused.value) == {b"m": b"1"}
    assert heard.keys == []
    redis_cluster.close_slot(slot, source, target)
    target.ask("HSET", "hf:{7}:s:a", "m", "2")
    await until(lambda: heard.keys == [b"hf:{7}:s:a"])
    redis_cluster.migrate(slot, target, source)


async def test_a_command_that_is_wrong_is_a_fault_on_the_way_too(
    redis_cluster: Cluster, link: ClusterLink
) -> None:
    bucket, slot = 7, slot_of(7)
    source = redis_cluster.owner(slot)
    target = next(node for node in redis_cluster.primaries if node is not source)
    redis_cluster.open_slot(slot, source, target)
    command = Command(encode(b"HGETALL", b"hf:{7}:s:a", b"more"), prelude=TRACKED, preludes=1)
    for wrong in (command, command._replace(prelude=b"", preludes=0)):
        with pytest.raises(Refused) as refused:
            await link.send(bucket, wrong)
        with pytest.raises(Refused, match="wrong number of arguments"):
            await link.recover(bucket, wrong, refused.value)
    redis_cluster.close_slot(slot, source, source)


async def test_one_node_in_the_url_is_enough(redis_cluster: Cluster) -> None:
    url = f"redis+cluster://127.0.0.1:{free_port()},{redis_cluster.primaries[2].address}"
    async with tally_store(url) as store:
        for session_id in SPREAD:
            await store.create(session_id)
        assert store.backend.statistics()["nodes"] == 3
        assert store.backend.statistics()["redirects"] == 0


async def test_a_single_node_is_no_cluster(redis_server: RedisServer) -> None:
    with pytest.raises(InvalidStore, match="is in no cluster; use redis://"):
        await tally_store(f"redis+cluster://{redis_server.address}").__aenter__()


async def test_a_cluster_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await tally_store(f"redis+cluster://127.0.0.1:{free_port()}").__aenter__()


async def test_a_store_of_one_bucket_is_not_opened_as_a_cluster(redis_cluster: Cluster) -> None:
    node = redis_cluster.owner(slot_of(0))
    node.ask("SET", "hf:{0}:meta", "format=2 buckets=1")
    with pytest.raises(InvalidStore, match="has 1 buckets and was opened as one of 256"):
        await tally_store(redis_cluster.url).__aenter__()


async def test_a_link_may_be_opened_again_and_leaves_nothing_running(
    redis_cluster: Cluster,
) -> None:
    link = ClusterLink(parse(redis_cluster.url))
    for _ in range(3):
        async with link:
            assert await ask(link, 3, "ECHO", "here") == b"here"
        assert len(asyncio.all_tasks()) == 1


async def test_a_redirection_that_comes_while_the_link_is_closed_leads_nowhere(
    redis_cluster: Cluster,
) -> None:
    """Nobody would close a connection that is made by then."""
    link = ClusterLink(parse(redis_cluster.url))
    async with link:
        node = link._owner(7)
    for follow in (link._moved_to, link._guest):
        with pytest.raises(StoreUnavailable, match="closed"):
            follow(node, Refused(f"MOVED {slot_of(7)} 127.0.0.1:{free_port()}"))
    assert link.statistics()["nodes"] == 0
    assert len(asyncio.all_tasks()) == 1


async def test_what_was_tracked_is_given_up_as_soon_as_a_slot_has_moved(
    redis_cluster: Cluster, link: ClusterLink, heard: Heard
) -> None:
    """Not only when a node has given the whole map, which may take its time."""
    bucket, slot = 7, slot_of(7)
    source = redis_cluster.owner(slot)
    target = next(node for node in redis_cluster.primaries if node is not source)
    redis_cluster.migrate(slot, source, target)
    command = Command(encode(b"GET", b"hf:{7}:s:a"))
    with pytest.raises(Refused, match=r"^MOVED") as refused:
        await link.send(bucket, command)
    assert heard.losses == 0
    node = link._moved_to(link._owner(bucket), refused.value)
    assert (node.name, heard.losses) == (target.address, 1)
    link._moved_to(node, refused.value)
    assert heard.losses == 1
    redis_cluster.migrate(slot, target, source)


async def test_a_cluster_without_a_slot_says_so_from_the_start(tmp_path: Path) -> None:
    """It is open; nobody has the bucket that its mark is in."""
    settings = {
        "cluster-enabled": "yes",
        "cluster-port": str(free_port()),
        "cluster-require-full-coverage": "no",
    }
    server, missing = RedisServer(tmp_path / "redis", settings=settings), slot_of(0)
    with running(server):
        server.ask("CLUSTER", "ADDSLOTSRANGE", 0, missing - 1, missing + 1, 16_383)
        with pytest.raises(StoreUnavailable, match="No node of the cluster has"):
            await ClusterLink(parse(f"redis+cluster://{server.address}")).__aenter__()
