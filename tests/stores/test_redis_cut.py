"""All callers of a process share one connection to Redis: its loss is no trouble of theirs."""

import asyncio
from typing import Final

from holdfast.verification.proxy import Proxy
from tests.redis_servers import HOST, RedisServer
from tests.tallying import tally_store

CALLERS: Final = 300


async def test_everybody_under_way_is_repeated_when_the_connection_is_cut(
    own_redis: RedisServer,
) -> None:
    """However many they are, each increment is counted once, and nobody is told of the cut."""
    async with (
        Proxy((HOST, own_redis.port)) as proxy,
        tally_store(f"redis://{HOST}:{proxy.port}/0") as store,
    ):
        session = await store.create()
        id_ = session.session_id
        # As in use: what goes well lets the breaker bear what goes wrong at once.
        await asyncio.gather(*(store.get(id_, fresh=True) for _ in range(2 * CALLERS)))
        with proxy.frozen(frozenset({"answers"})):
            steps = [
                asyncio.create_task(store.increment_counter(id_, "steps")) for _ in range(CALLERS)
            ]
            while store.backend.statistics()["in_flight"] < CALLERS:
                await asyncio.sleep(0.01)
            proxy.cut()
        values = await asyncio.gather(*steps)
        assert sorted(values) == list(range(1, CALLERS + 1))
        assert store.backend.statistics()["retries"] >= CALLERS
