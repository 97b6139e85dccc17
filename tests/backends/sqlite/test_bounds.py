"""What is kept beside the sessions has a limit, and goes when its session goes."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backend import Acquire, Changed, Delete, Purge, Take
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.testing import ManualClock
from holdfast.testing.steps import DAY, KEY, NAMESPACE, apply, change, create, numbers

REMEMBERED = 256
SIDE_TABLES = ("stretches", "changes", "leases", "deadlines")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def backend(path: Path, clock: ManualClock) -> AsyncIterator[SQLiteBackend]:
    async with SQLiteBackend(path, clock=clock.clock) as backend:
        yield backend


def _rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(rows)


async def _replayed(backend: SQLiteBackend, number: int) -> bool:
    outcome = await backend.execute(change(change_id=f"change {number}", expect_revision=0))
    return isinstance(outcome, Changed) and outcome.replayed


@pytest.mark.parametrize("together", [1, 7, 300])
async def test_a_session_remembers_its_last_256_changes(
    together: int, backend: SQLiteBackend, path: Path
) -> None:
    """However they come, one by one or in batches; older ones are forgotten."""
    await create(backend)
    for start in range(0, 300, together):
        several = range(start, min(start + together, 300))
        await asyncio.gather(
            *(apply(backend, change_id=f"change {number}", remember=True) for number in several)
        )
    assert _rows(path, "changes") == REMEMBERED
    oldest = 300 - REMEMBERED
    assert not await _replayed(backend, oldest - 1)
    assert await _replayed(backend, oldest)
    assert await _replayed(backend, 299)


async def test_only_changes_to_be_remembered_are_kept(backend: SQLiteBackend, path: Path) -> None:
    """The others leave nothing but what they changed."""
    await create(backend)
    await apply(backend, change_id="one")
    await apply(backend, change_id="one")
    assert _rows(path, "changes") == 0


async def test_limits_that_are_full_again_are_forgotten(
    backend: SQLiteBackend, clock: ManualClock, path: Path
) -> None:
    """A thousand limits of a minute leave no more behind than are taken from within one."""
    for number in range(1000):
        await backend.execute(Take(f"visitor {number}", interval=30_000_000, burst=2))
        clock.advance(seconds=1)
        assert number % 100 or _rows(path, "limits") <= 31
    assert _rows(path, "limits") <= 31


async def test_limits_from_before_a_boot_are_forgotten(path: Path) -> None:
    """They lie further ahead than they could be; nobody would come by to find that out."""
    async with SQLiteBackend(path, clock=ManualClock(boot=10**12).clock) as backend:
        for number in range(5):
            await backend.execute(Take(f"visitor {number}", interval=30_000_000, burst=2))
    assert _rows(path, "limits") == 5
    async with SQLiteBackend(path, clock=ManualClock(boot=10**6).clock):
        assert _rows(path, "limits") == 0


@pytest.mark.parametrize("end", ["deleted", "purged", "created again"])
async def test_nothing_of_a_session_outlives_it(
    end: str, backend: SQLiteBackend, clock: ManualClock, path: Path
) -> None:
    """Log, remembered changes, lease and deadline go with it, and a new one begins afresh."""
    await create(backend)
    await apply(backend, change_id="one", remember=True, append=(b"a", b"b"))
    await backend.execute(Acquire(KEY, "token", DAY * 2))
    if end == "deleted":
        await backend.execute(Delete(KEY))
    else:
        clock.pass_by(DAY)
    if end == "purged":
        await backend.execute(Purge(NAMESPACE, 10))
    if end != "created again":
        assert [_rows(path, table) for table in SIDE_TABLES] == [0, 0, 0, 0]
    await create(backend)
    assert [_rows(path, table) for table in SIDE_TABLES] == [0, 0, 0, 1]
    assert not (await apply(backend, change_id="one", append=(b"c",))).replayed
    assert await numbers(backend) == [1]


async def test_the_log_of_writes_is_cut_back(backend: SQLiteBackend, path: Path) -> None:
    """Checkpoints come along with the writes, so the file beside the store does not grow on."""
    await create(backend)
    for _ in range(60):
        await asyncio.gather(
            *(apply(backend, set={bytes([tag]): b"x" * 50_000}) for tag in range(10))
        )
    assert path.with_name("sessions.db-wal").stat().st_size < 64 << 20
