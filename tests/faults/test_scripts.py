"""Scripts that a server forgets while they are used."""

import asyncio
from time import monotonic

import pytest

from tests.faults.criteria import SESSIONS, Length, all_hold, nothing_left
from tests.redis_servers import RedisServer
from tests.redis_topologies import Replicated
from tests.tallying import Store, tally_store, until, went_on, writing

pytestmark = pytest.mark.slow

EVERY = 0.05


async def test_flushed_scripts_are_seen_by_nobody(own_redis: RedisServer, length: Length) -> None:
    """No call fails, and no step is doubled, by writers and holders of leases."""
    async with nothing_left(own_redis), tally_store(own_redis.url()) as store:
        async with writing(store, SESSIONS) as writers:
            turns = asyncio.create_task(_turns(store, "leased"))
            ends = monotonic() + length.of(1.5, 30)
            while monotonic() < ends:
                own_redis.ask("SCRIPT", "FLUSH")
                await asyncio.sleep(EVERY)
            turns.cancel()
            await asyncio.wait((turns,))
            assert turns.cancelled()
        assert [writer.reasons for writer in writers] == [[]] * len(writers)
        await all_hold(writers)
        assert own_redis.info("errorstats")["errorstat_NOSCRIPT"]["count"] > 0


async def test_a_new_primary_that_knows_no_script_is_given_them(
    own_sentinels: Replicated,
) -> None:
    """Scripts are not replicated; what is lost meanwhile is told, and nothing is doubled."""
    async with tally_store(own_sentinels.url) as store:
        async with writing(store, SESSIONS, pause=0.001) as writers:
            await until(went_on(writers, monotonic()))
            own_sentinels.fail_over()
            await until(lambda: store.backend.statistics()["failovers"] == 1)
            await until(went_on(writers, monotonic()))
        for writer in writers:
            await writer.check()
        assert own_sentinels.primary.info("memory")["number_of_cached_scripts"] > 0


async def _turns(store: Store, session_id: str) -> None:
    """Take one lease after the other, and read the log under it."""
    await store.create(session_id)
    while True:
        async with store.lease(session_id):
            await store.append(session_id, "turn")
            await store.items(session_id)
            await store.count_active()
