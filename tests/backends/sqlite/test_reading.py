"""What a read answers was true at a moment after it was asked."""

import sqlite3
from contextlib import closing
from pathlib import Path

from holdfast.backend import Found, Read
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.clock import Clock
from holdfast.testing import ManualClock
from holdfast.testing.steps import HOUR, KEY, create


async def test_a_session_extended_before_its_deadline_is_never_absent(tmp_path: Path) -> None:
    """The clock is asked first: what is read then is at least as new as the time."""
    path = tmp_path / "sessions.db"
    manual = ManualClock()
    armed: list[bool] = []

    def wall() -> int:
        if armed:
            armed.clear()
            _extend(path)
            manual.advance(1.5 * 3600)
        return manual.clock.wall()

    async with SQLiteBackend(path, clock=Clock(wall, manual.clock.boot)) as backend:
        await create(backend, ttl=HOUR)
        armed.append(True)
        assert isinstance(await backend.execute(Read(KEY)), Found)
        assert not armed


def _extend(path: Path) -> None:
    """Give the session two hours, as another process does."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sessions SET ttl = ?", (2 * HOUR,))
        connection.commit()


async def test_large_records_are_read_each_time(tmp_path: Path) -> None:
    """Only small ones are kept from one read to the next, and only while they are there."""
    async with SQLiteBackend(tmp_path / "sessions.db") as backend:
        small = await create(backend, values={b"tag": b"x" * 1000})
        large = await create(backend, f"{KEY}-large", values={b"tag": b"x" * 20_000})
        for key, made in ((KEY, small), (f"{KEY}-large", large)):
            first, again = await backend.execute(Read(key)), await backend.execute(Read(key))
            assert isinstance(first, Found)
            assert isinstance(again, Found)
            assert first == again == Found(made)
            assert (first.record is again.record) == (key == KEY)
