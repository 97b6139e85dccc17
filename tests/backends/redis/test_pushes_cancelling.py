"""Callers who change their minds leave nothing behind on Redis, and get nobody else's answer."""

import pytest

from benchmarks.cancel_fuzz import fuzz
from tests.redis_servers import RedisServer


@pytest.mark.slow
async def test_cancelled_calls_leave_nothing(redis_server: RedisServer) -> None:
    """Of 4,000 operations 60 % are cancelled at random awaits: no crossed reply, no lost count, no
    orphan lease, nothing under way a second later, and the connection is the one it was.
    """
    tally, counted = await fuzz(redis_server.url(), operations=4000, seed=20)
    assert tally.wrong == []
    assert tally.cancelled > 1000
    assert tally.answered > 1000
    assert counted["connects"] == 1
    assert counted["crossed_replies"] == counted["lost"] == 0


@pytest.mark.slow
async def test_cancelled_calls_leave_nothing_beside_a_near_cache(redis_server: RedisServer) -> None:
    """Nor where reads are answered from near."""
    tally, counted = await fuzz(redis_server.url(query="?near_cache=10"), operations=1500, seed=21)
    assert tally.wrong == []
    assert counted["connects"] == 1
