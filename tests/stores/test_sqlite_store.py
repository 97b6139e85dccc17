"""A store in a SQLite file keeps the promises of every store."""

from pathlib import Path

import pytest

from holdfast.backends.sqlite import SQLiteBackend
from holdfast.retrying import Resilient
from holdfast.testing import OpenBackend, StoreConformance


class TestSQLiteStore(StoreConformance):
    """The backend stands behind retries and a breaker, as it does in use."""

    @pytest.fixture
    def open_backend(self, tmp_path: Path) -> OpenBackend:
        path = tmp_path / "sessions.db"
        return lambda clock: Resilient(SQLiteBackend(path, clock=clock), deadline=5)
