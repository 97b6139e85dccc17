"""The memory backend keeps the contract."""

from collections.abc import AsyncIterator

import pytest

from holdfast.backend import Backend
from holdfast.backends.memory import MemoryBackend
from holdfast.testing import BackendConformance, ManualClock, MovedClockConformance


class TestMemory(BackendConformance, MovedClockConformance):
    @pytest.fixture
    async def backend(self, clock: ManualClock) -> AsyncIterator[Backend]:
        async with MemoryBackend(clock=clock.clock) as backend:
            yield backend
