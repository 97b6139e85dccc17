"""Events on SQLite: from every process, kept no longer than somebody is to read them."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from holdfast.backend import Backend, Delete
from holdfast.backends.sqlite import SQLiteBackend, telling
from holdfast.backends.sqlite.journal import SPAN
from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import StoreUnavailable
from holdfast.events import LOST, Event
from holdfast.testing.steps import KEY, NAMESPACE, apply, create
from holdfast.testing.telling import CHANGED, CREATED, DELETED, told

HERE = Path(__file__).parent
SOON = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def backend(path: Path) -> AsyncIterator[Backend]:
    async with SQLiteBackend(path) as backend:
        yield backend


def rows(path: Path, table: str) -> int:
    """Count what a table of the file holds."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def run(path: Path, command: str, *arguments: object) -> None:
    """Change the file from outside."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(command, arguments)
    finally:
        connection.close()


async def reach(path: Path, table: str, expected: int) -> None:
    """Wait until a table holds so many rows."""
    async with asyncio.timeout(SOON):
        while rows(path, table) != expected:
            await asyncio.sleep(0.01)


async def test_another_process_is_heard(path: Path, backend: Backend) -> None:
    """Of each of its changes, one event."""
    await create(backend)
    program = HERE / "change_when_told.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, path,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        async with backend.events(NAMESPACE) as events:
            for _ in range(3):
                process.stdin.write(f"{KEY}\n".encode())
                assert await process.stdout.readline() == b"changed\n"
                assert await told(events, until=CHANGED) == [CHANGED]
    finally:
        process.stdin.close()
        await process.wait()


async def test_two_watching_processes_are_told_alike(path: Path, backend: Backend) -> None:
    """Whoever of them wrote, and exactly once."""
    async with (
        SQLiteBackend(path) as other,
        backend.events(NAMESPACE) as here,
        other.events(NAMESPACE) as there,
    ):
        await create(backend)
        await other.execute(Delete(KEY))
        assert await told(here) == await told(there) == [CREATED, DELETED]


async def test_nothing_is_kept_while_nobody_watches(path: Path, backend: Backend) -> None:
    """Neither before the first watcher nor after the last one."""
    await create(backend)
    assert rows(path, "events") == 0
    async with backend.events(NAMESPACE):
        await apply(backend)
        assert rows(path, "events") == 1
    await reach(path, "watchers", 0)
    assert rows(path, "events") == 0
    await apply(backend)
    assert rows(path, "events") == 0


async def test_what_all_have_read_is_thrown_away(
    path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon, and while they go on watching."""
    monkeypatch.setattr(telling, "BEAT", 0.05)
    async with backend.events(NAMESPACE) as events:
        await create(backend)
        assert await told(events, until=CREATED) == [CREATED]
        await reach(path, "events", 0)
        await backend.execute(Delete(KEY))
        assert await told(events) == [DELETED]


@pytest.mark.parametrize("ahead", [-1, 100 * SPAN], ids=["killed", "before the start"])
async def test_a_watcher_that_is_gone_is_not_written_for(
    path: Path, backend: Backend, ahead: int
) -> None:
    """A process that was killed, or that watched before the host was started anew."""
    await create(backend)
    run(path, "INSERT INTO watchers VALUES ('gone', ?, 0)", SYSTEM_CLOCK.boot() + ahead)
    run(path, "INSERT INTO events (key, kind) VALUES ('a/b', 'changed')")
    await apply(backend)
    assert (rows(path, "watchers"), rows(path, "events")) == (0, 0)


async def test_a_watcher_that_was_given_up_is_told_that_events_are_lost(
    path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stood still for too long; then it goes on like a new one."""
    monkeypatch.setattr(telling, "BEAT", 0.05)
    async with backend.events(NAMESPACE) as events:
        run(path, "DELETE FROM watchers")
        assert await told(events, until=LOST) == [LOST]
        await create(backend)
        assert await told(events, until=CREATED) == [CREATED]


async def test_a_gap_is_told(path: Path, backend: Backend) -> None:
    """Events that were thrown away before this watcher had read them."""
    async with backend.events(NAMESPACE) as events:
        run(path, "INSERT INTO events (number, key, kind) VALUES (100, ?, 'created')", KEY)
        assert await told(events, until=CREATED) == [LOST, CREATED]


async def test_watchers_end_with_the_backend(path: Path) -> None:
    """Whoever reads on is let go; nobody can begin."""
    async with AsyncExitStack() as watching:
        async with SQLiteBackend(path) as backend:
            events = await watching.enter_async_context(backend.events(NAMESPACE))
            waiting = asyncio.create_task(_all(events))
            await create(backend)
        assert await waiting == [CREATED]
        assert rows(path, "watchers") == 0
        with pytest.raises(StoreUnavailable):
            await watching.enter_async_context(backend.events(NAMESPACE))


async def _all(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


async def test_the_last_watcher_leaves_no_task(path: Path, backend: Backend) -> None:
    """And the next one is told again."""
    for _ in range(3):
        async with backend.events(NAMESPACE) as events, backend.events(NAMESPACE):
            await create(backend)
            await backend.execute(Delete(KEY))
            assert await told(events) == [CREATED, DELETED]
        await reach(path, "watchers", 0)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "holdfast-sqlite-events" not in names
