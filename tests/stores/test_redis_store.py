"""A store in Redis keeps the promises of every store."""

import asyncio

import pytest

from holdfast.backends.redis import RedisBackend, parse
from holdfast.retrying import Resilient
from holdfast.testing import Advance, OpenBackend, StoreConformance
from tests.redis_servers import RedisServer

# Redis tells whole milliseconds: two may show one less than has passed.
TICK = 0.002


class TestRedisStore(StoreConformance):
    """The backend stands behind retries and a breaker, as it does in use."""

    second = 0.05

    @pytest.fixture
    def advance(self) -> Advance:
        return lambda seconds: asyncio.sleep(seconds * self.second + TICK)

    @pytest.fixture
    def open_backend(self, redis_server: RedisServer) -> OpenBackend:
        location = parse(redis_server.url())
        return lambda clock: Resilient(RedisBackend(location), deadline=5)
