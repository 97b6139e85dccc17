"""Rate limits kept by the store."""

import asyncio
from pathlib import Path

import pytest

from holdfast import InMemorySessionStore, InvalidSession, Keyring, open_store
from holdfast.limits import Rate, RateLimit

KEYS = Keyring.generate()


async def test_exactly_the_burst_passes_at_once(tmp_path: Path) -> None:
    """Of fifty who ask at once as many pass as may, on a store shared by two."""
    url = f"sqlite:///{tmp_path / 'limits.db'}"
    async with open_store(url, keys=KEYS) as first, open_store(url, keys=KEYS) as second:
        rate = Rate(10, 3600, 7)
        limits = [
            RateLimit(store.backend, "asks", rate, key=KEYS.primary) for store in (first, second)
        ]
        taken = await asyncio.gather(*(limits[n % 2].take("caller") for n in range(50)))
    assert sum(one.allowed for one in taken) == 7
    assert min(one.remaining for one in taken) == 0
    refused = next(one for one in taken if not one.allowed)
    assert 0 < refused.retry_after <= 360
    assert refused.limit == 7


async def test_units_flow_back() -> None:
    """What was taken comes back at the rate."""
    async with InMemorySessionStore() as store:
        limit = RateLimit(store.backend, "asks", Rate(100, 1, 1), key=KEYS.primary)
        assert (await limit.take("caller")).allowed
        assert not (await limit.take("caller")).allowed
        await asyncio.sleep(0.02)
        assert (await limit.take("caller")).allowed


async def test_callers_and_limits_do_not_share() -> None:
    """Each caller has a limit of their own, and each limit its own callers."""
    async with InMemorySessionStore() as store:
        asks, logins = (
            RateLimit(store.backend, name, Rate(1, 60, 1), key=KEYS.primary)
            for name in ("asks", "logins")
        )
        assert (await asks.take("a")).allowed
        assert (await asks.take("b")).allowed
        assert (await logins.take("a")).allowed
        assert not (await asks.take("a")).allowed
        assert await store.count_active() == 0


@pytest.mark.parametrize("rate", [Rate(0, 1, 1), Rate(1, 0, 1), Rate(1, 1, 0), Rate(1, 1e9, 1)])
async def test_a_rate_that_cannot_be_kept_is_refused(rate: Rate) -> None:
    """Nothing per time, or no time, is no rate."""
    async with InMemorySessionStore() as store:
        with pytest.raises(InvalidSession):
            RateLimit(store.backend, "asks", rate, key=KEYS.primary)
