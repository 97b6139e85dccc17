"""What a process has been answered survives its end, however sudden."""

import asyncio
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backend import Apply, Changed
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.testing.steps import create, read, read_log

PROGRAM = Path(__file__).with_name("append_until_killed.py")
KEYS = [f"killed/{number}" for number in range(4)]


async def _live_and_be_killed(path: Path, life: int) -> list[tuple[str, str, int]]:
    """Run the program until it was answered some changes, kill it, and give all of them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, path, str(life), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(50 + 30 * life)]
    process.kill()
    rest, _ = await process.communicate()
    lines += rest.splitlines(keepends=True)
    answered = (line.split() for line in lines if line.endswith(b"\n"))
    return [(key.decode(), change_id.decode(), int(value)) for key, change_id, value in answered]


@pytest.mark.slow
async def test_nothing_answered_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    """Five writers die in the middle of their work; the file is sound and holds what they did."""
    path = tmp_path / "sessions.db"
    async with SQLiteBackend(path) as backend:
        for key in KEYS:
            await create(backend, key, integers={"changes": 0})
    answered: dict[str, dict[str, int]] = defaultdict(dict)
    for life in range(5):
        for key, change_id, value in await _live_and_be_killed(path, life):
            answered[key][change_id] = value
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    async with SQLiteBackend(path) as backend:
        for key in KEYS:
            await _holds(backend, key, answered[key])


async def _holds(backend: SQLiteBackend, key: str, answered: dict[str, int]) -> None:
    items = (await read_log(backend, key)).items
    change_ids = [item.origin.partition(":")[0] for item in items]
    assert len(set(change_ids)) == len(change_ids), "a change was applied twice"
    assert len(items) == (await read(backend, key)).integers["changes"]
    assert answered
    for change_id, value in answered.items():
        assert change_ids[value - 1] == change_id
    newest = max(answered, key=lambda change_id: answered[change_id])
    again = await backend.execute(Apply(key, newest, remember=True))
    assert isinstance(again, Changed)
    assert again.replayed
    assert again.integers == {"changes": answered[newest]}
