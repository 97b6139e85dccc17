"""Counting by minutes is exact, whatever was done to the sessions."""

import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backend import Delete, Found, Purge, Purged, Read, Touch
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.testing import ManualClock
from holdfast.testing.steps import ask, count, create, creation

SECOND = 1_000_000
MINUTE = 60 * SECOND
KEYS = [f"counted/{number:02}" for number in range(40)]


@pytest.fixture
async def backend(path: Path, clock: ManualClock) -> AsyncIterator[SQLiteBackend]:
    async with SQLiteBackend(path, clock=clock.clock) as backend:
        yield backend


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def _alive(backend: SQLiteBackend) -> int:
    return sum([isinstance(await backend.execute(Read(key)), Found) for key in KEYS])


def _by_minute(path: Path) -> tuple[list[object], list[object]]:
    """Give what is counted by minute, and what there is."""
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT * FROM deadlines ORDER BY 1, 2").fetchall()
        found = connection.execute(
            "SELECT namespace, minute, count(*) FROM sessions GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    return kept, found


@pytest.mark.parametrize("seed", range(5))
async def test_the_count_follows_every_move_of_a_deadline(
    seed: int, backend: SQLiteBackend, clock: ManualClock, path: Path
) -> None:
    """Created, extended, slid, shortened, deleted, expired, collected: it is what can be read."""
    chance = random.Random(seed)
    for _ in range(120):
        key = chance.choice(KEYS)
        ttl = chance.randrange(1, 5 * MINUTE)
        operation = chance.choice(
            (
                creation(key, ttl=ttl, max_age=chance.randrange(1, 8 * MINUTE)),
                creation(key, ttl=ttl),
                Touch(key, ttl=ttl),
                Touch(key, slide=True),
                Delete(key),
                Purge("counted", chance.randrange(3)),
            )
        )
        await backend.execute(operation)
        clock.pass_by(chance.choice((0, 1, SECOND, chance.randrange(MINUTE))))
        assert await count(backend, "counted") == await _alive(backend)
    kept, found = _by_minute(path)
    assert kept == found


async def test_the_count_is_exact_to_the_microsecond(
    backend: SQLiteBackend, clock: ManualClock
) -> None:
    """Within the minute in which a session ends, too."""
    ends = [1, 2, SECOND, MINUTE - 1, MINUTE, MINUTE + 1, 3 * MINUTE]
    for key, ttl in zip(KEYS, ends, strict=False):
        await create(backend, key, ttl=ttl)
    passed = 0
    for number, end in enumerate(ends):
        clock.pass_by(end - 1 - passed)
        assert await count(backend, "counted") == len(ends) - number
        clock.pass_by(1)
        assert await count(backend, "counted") == len(ends) - number - 1
        passed = end


async def test_a_purge_collects_the_oldest_deadlines_and_their_counts(
    backend: SQLiteBackend, clock: ManualClock, path: Path
) -> None:
    """Within a minute and across minutes, so many at a time, and nothing of them stays."""
    for number, key in enumerate(KEYS):
        await create(backend, key, ttl=(len(KEYS) - number) * 10 * SECOND)
    clock.advance(seconds=300)
    collected: list[str] = []
    while purged := (await ask(backend, Purge("counted", 7), Purged)).session_ids:
        assert len(purged) <= 7
        collected += purged
    assert collected == [key.partition("/")[2] for key in reversed(KEYS[10:])]
    assert await count(backend, "counted") == 10
    kept, found = _by_minute(path)
    assert kept == found
