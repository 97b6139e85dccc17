"""The Redis backend keeps the contract where Sentinels name the primary."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Backend
from holdfast.backends.redis import RedisBackend, parse
from holdfast.testing import Advance, BackendConformance
from tests.redis_topologies import Replicated

# Redis tells whole milliseconds: two may show one less than has passed.
TICK = 0.002


class TestRedisSentinel(BackendConformance):
    second = 60_000

    @pytest.fixture
    def advance(self) -> Advance:
        return lambda seconds: asyncio.sleep(seconds * self.second / 1_000_000 + TICK)

    @pytest.fixture
    async def backend(self, sentinels: Replicated) -> AsyncIterator[Backend]:
        async with RedisBackend(parse(sentinels.url)) as backend:
            yield backend
