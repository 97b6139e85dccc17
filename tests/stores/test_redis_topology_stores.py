"""A store under Sentinels and one on a cluster keep the promises of every store."""

import asyncio

import pytest

from holdfast.backends.redis import RedisBackend, parse
from holdfast.retrying import Resilient
from holdfast.testing import Advance, OpenBackend, StoreConformance
from tests.redis_topologies import Cluster, Replicated
from tests.stores.test_redis_store import TICK


class TestSentinelStore(StoreConformance):
    second = 0.05

    @pytest.fixture
    def advance(self) -> Advance:
        return lambda seconds: asyncio.sleep(seconds * self.second + TICK)

    @pytest.fixture
    def open_backend(self, sentinels: Replicated) -> OpenBackend:
        location = parse(sentinels.url)
        return lambda clock: Resilient(RedisBackend(location), deadline=5)


class TestClusterStore(StoreConformance):
    second = 0.05

    @pytest.fixture
    def advance(self) -> Advance:
        return lambda seconds: asyncio.sleep(seconds * self.second + TICK)

    @pytest.fixture
    def open_backend(self, redis_cluster: Cluster) -> OpenBackend:
        location = parse(redis_cluster.url)
        return lambda clock: Resilient(RedisBackend(location), deadline=5)
