"""The Redis backend keeps the contract on a cluster of three primaries."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Backend
from holdfast.backends.redis import RedisBackend, parse
from holdfast.testing import Advance, BackendConformance
from tests.redis_topologies import Cluster

# Redis tells whole milliseconds: two may show one less than has passed.
TICK = 0.002


class TestRedisCluster(BackendConformance):
    second = 60_000

    @pytest.fixture
    def advance(self) -> Advance:
        return lambda seconds: asyncio.sleep(seconds * self.second / 1_000_000 + TICK)

    @pytest.fixture
    async def backend(self, redis_cluster: Cluster) -> AsyncIterator[Backend]:
        async with RedisBackend(parse(redis_cluster.url)) as backend:
            yield backend
