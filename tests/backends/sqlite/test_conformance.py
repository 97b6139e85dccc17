"""The SQLite backend keeps the contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.backend import Backend
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.testing import BackendConformance, ManualClock, MovedClockConformance


class TestSQLite(BackendConformance, MovedClockConformance):
    @pytest.fixture
    async def backend(self, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Backend]:
        async with SQLiteBackend(tmp_path / "sessions.db", clock=clock.clock) as backend:
            yield backend
