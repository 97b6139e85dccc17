"""The suite that every backend passes: ours, and anyone's.

    class TestMine(BackendConformance):
        @pytest.fixture
        async def backend(self, clock: ManualClock) -> AsyncIterator[Backend]:
            async with MyBackend(clock=clock.clock) as backend:
                yield backend

A backend whose clock cannot be handed in overrides `advance` to sleep, and sets `second` lower, so
that the tests do not take as long as they say:

    second = 50_000

    @pytest.fixture
    def advance(self) -> Advance:
        return lambda seconds: asyncio.sleep(seconds * self.second / 1_000_000)

Each test begins with an empty backend.
"""

from typing import Any

import pytest

from holdfast.testing.changes import Changing, Refusing
from holdfast.testing.concurrency import Crowding, Racing
from holdfast.testing.creating import Creating, Deleting
from holdfast.testing.deadlines import Expiring, Purging, Sliding
from holdfast.testing.drafting import Drafting
from holdfast.testing.leases import Leasing
from holdfast.testing.limits import Limiting
from holdfast.testing.listening import Lining, Listening
from holdfast.testing.listing import Listing
from holdfast.testing.log import Logging
from holdfast.testing.manual_clock import ManualClock
from holdfast.testing.replaying import Repeating, Replaying
from holdfast.testing.resealing import Resealing
from holdfast.testing.steps import Advance
from holdfast.testing.telling import Telling


class BackendConformance(
    Creating, Deleting, Changing, Refusing, Replaying, Repeating, Expiring, Sliding, Purging,
    Leasing, Logging, Listing, Limiting, Listening, Lining, Telling, Drafting, Resealing,
    Racing, Crowding,
):  # fmt: skip
    """Every sentence of the contract in `holdfast.backend`, as a test.

    `second` is how many microseconds one second of the tests lasts.
    """

    second: int = 1_000_000

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Give the clock that the backend is built with."""
        return ManualClock()

    @pytest.fixture
    def backend(self, clock: ManualClock) -> Any:
        """Open an empty backend."""
        raise NotImplementedError("A subclass opens the backend that is to be tested.")

    @pytest.fixture
    def advance(self, clock: ManualClock) -> Advance:
        """Let some seconds of the tests pass."""

        async def advance(seconds: float) -> None:
            clock.advance(seconds * self.second / 1_000_000)

        return advance
