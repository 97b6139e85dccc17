"""Several processes on one file: exact, and heard by each other."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.backends.sqlite import SQLiteBackend
from holdfast.testing.steps import KEY, OTHER_KEY, apply, create, numbers, read

HERE = Path(__file__).parent
PROCESSES = 4
TIMES = 100


@asynccontextmanager
async def _running(program: str, *arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        HERE / program,
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _increments(path: Path) -> list[tuple[int, int]]:
    async with _running("increment.py", path, KEY, TIMES) as process:
        answers, _ = await process.communicate()
        assert process.returncode == 0
    lines = [line.split() for line in answers.splitlines()]
    return [(int(value), int(item)) for value, item in lines]


@pytest.mark.slow
async def test_increments_of_four_processes_are_exact(tmp_path: Path) -> None:
    """Each value is answered once, in all processes together, and so is each item number."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path) as backend:
        await create(backend, integers={"messages": 0})
        answers = await asyncio.gather(*(_increments(path) for _ in range(PROCESSES)))
        expected = list(range(1, PROCESSES * TIMES + 1))
        assert sorted(value for answer in answers for value, _ in answer) == expected
        assert sorted(item for answer in answers for _, item in answer) == expected
        assert (await read(backend)).integers == {"messages": len(expected)}
        assert await numbers(backend) == expected


@pytest.mark.slow
async def test_a_listener_hears_another_process(tmp_path: Path) -> None:
    """Within half a second of the other's answer, time after time (it takes about 20 ms)."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path) as backend:
        await create(backend)
        async with _running("change_when_told.py", path) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            assert await other.stdout.readline() == b"ready\n"
            with backend.listen(KEY) as bell:
                for _ in range(5):
                    while await bell.rung(timeout=0.1):
                        pass
                    other.stdin.write(f"{KEY}\n".encode())
                    assert await other.stdout.readline() == b"changed\n"
                    began = time.monotonic()
                    assert await bell.rung(timeout=5.0)
                    assert time.monotonic() - began < 0.5


async def test_own_writes_to_other_sessions_do_not_ring(tmp_path: Path) -> None:
    """Only another process makes everybody look; at home it is known whose session it was."""
    async with SQLiteBackend(tmp_path / "sessions.db") as backend:
        await create(backend)
        await create(backend, OTHER_KEY)
        with backend.listen(KEY) as bell:
            assert await bell.rung(timeout=1.0)  # the first look at the file rings
            for _ in range(10):
                await apply(backend, OTHER_KEY)
                assert not await bell.rung(timeout=0.02)
            await apply(backend, KEY)
            assert await bell.rung(timeout=1.0)


async def test_the_file_is_watched_only_while_somebody_listens(tmp_path: Path) -> None:
    """The watcher comes with the first listener and goes after the last one."""
    async with SQLiteBackend(tmp_path / "sessions.db") as backend:
        assert not _watchers()
        with backend.listen(KEY), backend.listen(OTHER_KEY):
            (watcher,) = _watchers()
        await asyncio.wait_for(watcher, timeout=1.0)
        with backend.listen(KEY):
            (last,) = _watchers()
        with backend.listen(KEY) as bell:
            assert await bell.rung(timeout=1.0)
    assert last.done()
    assert not _watchers()


def _watchers() -> list["asyncio.Task[object]"]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "holdfast-sqlite-watcher"]
