"""A store in memory keeps the promises of every store."""

import pytest

from holdfast.backends.memory import MemoryBackend
from holdfast.testing import OpenBackend, StoreConformance


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def open_backend(self) -> OpenBackend:
        return lambda clock: MemoryBackend(clock=clock)
