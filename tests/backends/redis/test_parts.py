"""A primary of a cluster that is dead is left alone; the others are asked as before."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from holdfast.backend import Read
from holdfast.backends.redis import RedisBackend, parse
from holdfast.backends.redis.keys import bucket_of
from holdfast.backends.redis.slots import slot_of
from holdfast.errors import StoreUnavailable
from holdfast.retrying import Resilient
from holdfast.testing.steps import creation
from tests.redis_topologies import Cluster, cluster

KEYS = [f"conformance/s{number}" for number in range(30)]
SECONDS = 2.5


def owners(nodes: Cluster) -> dict[str, str]:
    """Say where each session is."""
    return {key: nodes.owner(slot_of(bucket_of(key.encode(), 256))).address for key in KEYS}


@pytest.mark.slow
async def test_a_dead_primary_costs_its_own_sessions_alone(tmp_path: Path) -> None:
    """Callers come at 600 a second, whatever becomes of those before them."""
    with cluster(tmp_path / "cluster") as nodes:
        places, dead = owners(nodes), nodes.primaries[0]
        async with Resilient(RedisBackend(parse(nodes.url)), deadline=1.0) as store:
            for key in KEYS:
                await store.execute(creation(key))
            dead.kill()
            answered, refused = await arrive(store, places)
            statistics = store.statistics()
    others = {node.address for node in nodes.primaries} - {dead.address}
    assert set(answered) == others
    assert set(refused) == {dead.address}
    assert statistics["breaker_opened"] >= 1
    assert statistics["breakers_refusing"] == 1
    assert store.breaker.opened == 0


async def arrive(store: Resilient, places: dict[str, str]) -> tuple[Counter[str], Counter[str]]:
    """Read all sessions over and over; count by place who was answered and who was not."""
    answered, refused = Counter[str](), Counter[str]()

    async def read(key: str) -> None:
        try:
            await store.execute(Read(key))
            answered[places[key]] += 1
        except StoreUnavailable:
            refused[places[key]] += 1

    loop = asyncio.get_running_loop()
    ends = loop.time() + SECONDS
    async with asyncio.TaskGroup() as callers:
        while loop.time() < ends:
            for key in KEYS:
                callers.create_task(read(key))
            await asyncio.sleep(len(KEYS) / 600)
    return answered, refused
