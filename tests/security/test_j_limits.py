"""Checklist J: rate limits are exact whoever takes at the same time, and leave nothing behind."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast import Session, SessionStore, open_store
from holdfast.backend import Backend, Take
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.limits import Rate, RateLimit
from holdfast.testing import ManualClock
from tests.redis_servers import RedisServer, wait_for
from tests.security.guard_jobs import press, take
from tests.security.processes import KEYS, Processes, several

CALLERS = 100_000


@pytest.fixture(scope="module")
def four() -> Iterator[Processes]:
    """Four processes that take at the same time."""
    with several(4) as processes:
        yield processes


@pytest.mark.slow
@pytest.mark.parametrize("burst", [30, 150])
async def test_security_083_exactly_the_burst_passes(
    four: Processes, shared_url: str, burst: int
) -> None:
    """Of ten thousand calls at the same time from four processes, on a store that is warm."""
    told = (f"burst-{burst}", burst, 2500)
    assert sum(await four.run(take, shared_url, told=told)) == burst


@pytest.mark.parametrize("burst", [30, 150])
async def test_security_083_exactly_the_burst_passes_in_memory(burst: int) -> None:
    """Of ten thousand calls in one process, which is all that a store in memory has."""
    async with open_store("memory://", keys=KEYS) as store:
        limit = RateLimit(store.backend, "burst", Rate(1, 3600, burst), key=KEYS.primary)
        taken = await asyncio.gather(*(limit.take("caller") for _ in range(10_000)))
    assert sum(one.allowed for one in taken) == burst


@pytest.mark.slow
async def test_security_083_no_more_than_the_rate_over_time(
    four: Processes, shared_url: str
) -> None:
    """Whoever presses without a pause gets the burst, and what flows back meanwhile."""
    rate, seconds = Rate(100, 1, 30), 1.5
    pressed = await four.run(press, shared_url, told=("pressed", rate, seconds))
    passed = sum(one.passed for one in pressed)
    lasted = max(one.ended for one in pressed) - min(one.began for one in pressed)
    assert 30 + 100 * seconds * 0.8 <= passed <= 30 + 100 * lasted + 1


async def take_from_many(backend: Backend, seconds: int, *, callers: int = CALLERS) -> None:
    """Take once for each of very many callers, some hundred at a time."""
    for first in range(0, callers, 1000):
        names = (f"~limit/many/{number}" for number in range(first, first + 1000))
        takes = (Take(name, seconds * 1_000_000, 1) for name in names)
        await asyncio.gather(*(backend.execute(one) for one in takes))


def in_memory(backend: MemoryBackend, folder: Path) -> int:
    return backend.statistics()["limits"]


def in_file(backend: SQLiteBackend, folder: Path) -> int:
    with closing(sqlite3.connect(folder / "limits.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM limits").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_hundred_thousand_callers_leave_nothing(kind: str, tmp_path: Path) -> None:
    """After the window, collecting what has expired forgets them all."""
    moved = ManualClock()
    backend: MemoryBackend | SQLiteBackend = (
        MemoryBackend(clock=moved.clock)
        if kind == "memory"
        else SQLiteBackend(tmp_path / "limits.db", clock=moved.clock)
    )

    def kept() -> int:
        if isinstance(backend, MemoryBackend):
            return in_memory(backend, tmp_path)
        return in_file(backend, tmp_path)

    store = SessionStore(backend, model=Session, keys=KEYS, clock=moved.clock)
    async with backend:
        await take_from_many(backend, 60)
        assert kept() == CALLERS
        moved.advance(59)
        await store.cleanup_expired()
        assert kept() == CALLERS
        moved.advance(1)
        for _ in range(CALLERS // 10_000):
            await store.cleanup_expired()
        assert kept() == 0


@pytest.mark.slow
async def test_a_hundred_thousand_callers_leave_nothing_on_redis(redis_server: RedisServer) -> None:
    """Redis forgets each of them by itself when its window is over."""
    async with open_store(redis_server.url(), keys=KEYS) as store:
        await store.count_active()
        before = redis_server.ask("DBSIZE")
        await take_from_many(store.backend, 60)
        kept = redis_server.info("keyspace")["db0"]
        assert kept["keys"] == before + CALLERS
        assert kept["expires"] >= CALLERS
        assert 0 < kept["avg_ttl"] <= 60_000
        redis_server.ask("FLUSHALL")
        await take_from_many(store.backend, 1, callers=5000)
        wait_for(lambda: redis_server.ask("DBSIZE") <= before, "Redis to forget the limits")
