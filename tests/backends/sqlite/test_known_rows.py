"""What the writing connection remembers of its rows is never older than the file."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.backend import (
    Absent,
    Acquire,
    Add,
    Apply,
    Changed,
    Create,
    Created,
    Delete,
    Deleted,
    Granted,
    LeaseGone,
    Record,
)
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.backends.sqlite.known_rows import LARGEST_KEPT, ROWS_KEPT, KnownRows
from holdfast.backends.sqlite.rows import Row

KEY = "default/shared"
HOUR = 3_600_000_000


@asynccontextmanager
async def two_on_one_file(path: Path) -> AsyncGenerator[tuple[SQLiteBackend, SQLiteBackend]]:
    """Open one file twice, as two processes would, with a session in it."""
    async with SQLiteBackend(path) as one, SQLiteBackend(path) as other:
        created = await one.execute(Create(KEY, "first", HOUR, HOUR, b"", {"visits": 0}, {}))
        assert isinstance(created, Created)
        yield one, other


def visit(number: int, *, lease_token: str | None = None) -> Apply:
    """Add one to the counter."""
    return Apply(KEY, f"change-{number}", add=(Add("visits", 1, 10_000),), lease_token=lease_token)


async def test_each_sees_what_the_other_wrote(tmp_path: Path) -> None:
    """Two connections that take turns count on from each other's counts."""
    counts: list[int] = []
    async with two_on_one_file(tmp_path / "sessions.db") as backends:
        for number in range(60):
            # Sometimes twice in a row, so that a remembered row is used as well.
            outcome = await backends[number // 2 % 2].execute(visit(number))
            assert isinstance(outcome, Changed)
            counts.append(outcome.integers["visits"])
    assert counts == list(range(1, 61))


async def test_a_session_that_the_other_deleted_is_absent(tmp_path: Path) -> None:
    """A remembered row does not outlive its session."""
    async with two_on_one_file(tmp_path / "sessions.db") as (one, other):
        assert isinstance(await one.execute(visit(1)), Changed)
        assert isinstance(await other.execute(Delete(KEY)), Deleted)
        assert isinstance(await one.execute(visit(2)), Absent)


async def test_a_lease_that_the_other_stole_is_gone(tmp_path: Path) -> None:
    """A remembered lease is not taken for one that is still held."""
    async with two_on_one_file(tmp_path / "sessions.db") as (one, other):
        assert isinstance(await one.execute(Acquire(KEY, "mine", HOUR)), Granted)
        assert isinstance(await one.execute(visit(1, lease_token="mine")), Changed)
        assert isinstance(await other.execute(Acquire(KEY, "theirs", HOUR, True)), Granted)
        assert isinstance(await one.execute(visit(2, lease_token="mine")), LeaseGone)


def known(count: int, *, size: int = 100) -> KnownRows:
    """Remember `count` rows."""
    rows = KnownRows()
    record = Record("first", 1, 0, 0, 0, 0, HOUR, HOUR, b"", {}, {})
    for number in range(count):
        rows[str(number)] = Row(number, str(number), record)
        rows[str(number)].size = size
    return rows


def test_rows_are_forgotten_when_somebody_else_has_written() -> None:
    """The version of the file tells."""
    rows = known(3)
    rows.refresh(0)
    assert len(rows) == 3
    rows.refresh(7)
    assert not rows


def test_rows_are_forgotten_when_the_transaction_fails() -> None:
    """They may hold what the file does not."""
    rows = known(3)
    with pytest.raises(ZeroDivisionError), rows.surely():
        raise ZeroDivisionError
    assert not rows


def test_a_bounded_number_of_small_rows_is_kept() -> None:
    """The oldest go first, and large ones at once."""
    rows = known(ROWS_KEPT + 5)
    rows.trim([])
    assert len(rows) == ROWS_KEPT
    assert "4" not in rows
    assert "5" in rows
    large = known(2, size=LARGEST_KEPT + 1)
    large.trim(["0", "elsewhere"])
    assert list(large) == ["1"]
