"""Rate limits kept by the store."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast import InMemorySessionStore, InvalidSession, Keyring, open_store
from holdfast.backend import Take
from holdfast.backends.memory.limiter import Limiter as MemoryLimiter
from holdfast.backends.sqlite.limiter import TRIMMED_AFTER
from holdfast.backends.sqlite.limiter import Limiter as SQLiteLimiter
from holdfast.backends.sqlite.statements import Statements, statement
from holdfast.gcra import MOST_LIMITS
from holdfast.key_file import FollowedKeyring, new_entry, rotate, write_key_file
from holdfast.limits import Rate, RateLimit

KEYS = Keyring.generate()
YEAR = 365 * 86_400
NOW = 10**12


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Open a file with the table of limits."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(statement("schema_1"))
        yield connection


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


@pytest.mark.parametrize(
    "rate",
    [
        Rate(0, 1, 1), Rate(1, 0, 1), Rate(1, 1, 0), Rate(1, 1e9, 1), Rate(1, 86_400, 366),
        Rate(1, 86_400, 10**9), Rate(True, 1, 1), Rate(1, 1, True), Rate(1, float("nan"), 1),
    ],
)  # fmt: skip
async def test_a_rate_that_cannot_be_kept_is_refused(rate: Rate) -> None:
    """Nothing per time, or no time, is no rate."""
    async with InMemorySessionStore() as store:
        with pytest.raises(InvalidSession):
            RateLimit(store.backend, "asks", rate, key=KEYS.primary)


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/limits.db"])
async def test_the_largest_rate_can_be_kept(url: str, tmp_path: Path) -> None:
    """A burst that takes a year to come back, taken at once."""
    async with open_store(url.format(tmp_path), keys=KEYS) as store:
        limit = RateLimit(store.backend, "asks", Rate(1, 86_400, 365), key=KEYS.primary)
        taken = await limit.take("caller", cost=365)
        assert (taken.allowed, taken.remaining, taken.reset_after) == (True, 0, YEAR)
        assert (await limit.take("caller")).retry_after <= 86_400


@pytest.mark.parametrize("cost", [-5, 0, 8, 1.5, True])
async def test_a_cost_that_no_rate_has_is_refused(cost: int) -> None:
    """Nothing is given by taking less than nothing, and more than the burst is never there."""
    async with InMemorySessionStore() as store:
        limit = RateLimit(store.backend, "asks", Rate(1, 3600, 7), key=KEYS.primary)
        await limit.take("caller", cost=6)
        with pytest.raises(InvalidSession, match="cost"):
            await limit.take("caller", cost=cost)
        assert (await limit.take("caller")).remaining == 0


def test_memory_keeps_a_bounded_number_of_limits() -> None:
    """The one that is full again first makes room, whenever it was taken from."""
    limiter = MemoryLimiter()
    limiter.take(Take("first", 10_000, 5), now=NOW)
    limiter.take(Take("early", 10_000, 5), now=NOW)
    for _ in range(3):
        limiter.take(Take("first", 10_000, 5), now=NOW)
    for number in range(MOST_LIMITS):
        limiter.take(Take(f"visitor/{number}", 20_000, 5), now=NOW)
    assert len(limiter) == MOST_LIMITS
    assert limiter.take(Take("first", 10_000, 5), now=NOW).remaining == 0
    assert limiter.take(Take("early", 10_000, 5), now=NOW).remaining == 4


def test_memory_finds_full_limits_among_many_in_use() -> None:
    """However often a limit was taken from, it is kept once, and forgotten when it is full."""
    limiter = MemoryLimiter()
    for number in range(20_000):
        limiter.take(Take(f"visitor/{number % 10}", 100, 10**9), now=NOW + number)
    assert len(limiter) == len(limiter._order) == 10
    for _ in range(10):
        limiter.take(Take("last", 100, 5), now=NOW * 2)
    assert len(limiter) == 1


def test_a_file_keeps_a_bounded_number_of_limits(connection: sqlite3.Connection) -> None:
    """The ones that are full again first make room, a thousand new ones at a time."""
    limiter = SQLiteLimiter(connection, Statements())
    many = ((f"visitor/{number}", NOW + 10_000 + number, 20_000) for number in range(MOST_LIMITS))
    connection.executemany(statement("keep_limit"), many)
    for number in range(TRIMMED_AFTER):
        limiter.take(Take(f"late/{number}", 10**6, 5), now=NOW)
    (kept,) = connection.execute("SELECT count(*) FROM limits").fetchone()
    assert kept == MOST_LIMITS
    gone = connection.execute("SELECT count(*) FROM limits WHERE key LIKE 'visitor/%'").fetchone()
    assert gone == (MOST_LIMITS - TRIMMED_AFTER,)
    assert limiter.take(Take("visitor/0", 10_000, 5), now=NOW).remaining == 4


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/limits.db"])
async def test_looking_takes_nothing_and_giving_back_undoes_a_take(
    url: str, tmp_path: Path
) -> None:
    """What is left is told as a take would find it; there is never more than the burst."""
    async with open_store(url.format(tmp_path), keys=KEYS) as store:
        limit = RateLimit(store.backend, "asks", Rate(1, 3600, 3), key=KEYS.primary)
        assert await limit.look("caller") == (True, 3, 3, 0, 0)
        await limit.take("caller", cost=3)
        seen = await limit.look("caller")
        assert (seen.allowed, seen.used, seen.remaining) == (False, 3, 0)
        assert (seen.retry_after, seen.reset_after) == (3600, 3 * 3600)
        await limit.give_back("caller", cost=2)
        assert (await limit.look("caller")).remaining == 2
        await limit.give_back("caller", cost=3)
        assert (await limit.look("caller")).used == 0
        with pytest.raises(InvalidSession, match="cost"):
            await limit.give_back("caller", cost=-1)


async def test_processes_that_follow_their_keys_share_a_limit_through_a_rotation(
    tmp_path: Path,
) -> None:
    """Whether they began before it or after it."""
    path, moment = tmp_path / "keys", 1_000.0

    def time() -> float:
        return moment

    write_key_file(path, [new_entry("first")])
    rate = Rate(1, 3600, 1)
    async with InMemorySessionStore() as store:
        before = FollowedKeyring(path, monotonic=time, wall=time)
        early = RateLimit(store.backend, "asks", rate, key=before)
        assert (await early.take("caller")).allowed
        rotate(path, key_id="second", settles=10, now=moment)
        moment += 5
        after = FollowedKeyring(path, monotonic=time, wall=time)
        late = RateLimit(store.backend, "asks", rate, key=after)
        assert not (await late.take("caller")).allowed
        moment += 10
        assert [(await limit.take("caller")).allowed for limit in (early, late)] == [True, False]
