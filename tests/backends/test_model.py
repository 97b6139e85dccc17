"""Every backend does, step by step, what the plain model of the contract does."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings

from holdfast.backend import Backend
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.clock import Clock
from holdfast.testing import BackendMachine


@asynccontextmanager
async def sqlite_in_a_new_file(clock: Clock) -> AsyncIterator[Backend]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sessions.db"
        async with SQLiteBackend(path, clock=clock, synchronous="OFF") as backend:
            yield backend


class MemoryMachine(BackendMachine):
    def open(self, clock: Clock) -> AbstractAsyncContextManager[Backend]:
        return MemoryBackend(clock=clock)


class SQLiteMachine(BackendMachine):
    def open(self, clock: Clock) -> AbstractAsyncContextManager[Backend]:
        return sqlite_in_a_new_file(clock)


TestMemory = MemoryMachine.TestCase
TestMemory.settings = settings(max_examples=100, stateful_step_count=40)

TestSQLite = SQLiteMachine.TestCase
TestSQLite.settings = settings(max_examples=40, stateful_step_count=40)
