"""The suite that every store passes, on our backends and on anyone's.

    class TestMine(StoreConformance):
        @pytest.fixture
        def open_backend(self, tmp_path: Path) -> OpenBackend:
            return lambda clock: MyBackend(tmp_path / "sessions", clock=clock)

Each test begins with an empty backend. Most of them move its clock by hand; those on leases and
watches let it run. A backend whose clock cannot be handed in ignores it, overrides `advance` to
sleep, and sets `second` lower, so that the tests do not take as long as they say.
"""

from collections.abc import AsyncIterator, Callable

import pytest

from holdfast.clock import SYSTEM_CLOCK
from holdfast.store import SessionStore
from holdfast.testing.manual_clock import ManualClock
from holdfast.testing.steps import Advance
from holdfast.testing.store_changing import (
    ChangingSessions,
    RacingChanges,
    RefusingChanges,
    ReplayingChanges,
)
from holdfast.testing.store_copying import CopyingValues, KeepingValues
from holdfast.testing.store_creating import CreatingSessions, EndingSessions
from holdfast.testing.store_deadlines import CollectingSessions, KeepingDeadlines
from holdfast.testing.store_drafting import KeepingDrafts
from holdfast.testing.store_families import CountingByKey
from holdfast.testing.store_leasing import LeavingLeases, TakingTurns
from holdfast.testing.store_listing import BatchingSessions, ListingSessions
from holdfast.testing.store_logging import KeepingLogs
from holdfast.testing.store_losing import KeepingLeases, LosingLeases
from holdfast.testing.store_refusing import RefusingInput
from holdfast.testing.store_repeating import RepeatingChanges
from holdfast.testing.store_reporting import LeavingNothing, ReportingState
from holdfast.testing.store_sealing import (
    MovingCiphertext,
    RotatingKeys,
    SealingSessions,
    SeparatingNamespaces,
)
from holdfast.testing.store_setting import SettingSessions
from holdfast.testing.store_steps import OpenBackend, Store, Stores, stores_on
from holdfast.testing.store_watching import WatchingSessions


class StoreConformance(
    CreatingSessions, EndingSessions, SettingSessions,
    ChangingSessions, RefusingChanges, RacingChanges, ReplayingChanges, RepeatingChanges,
    CountingByKey, KeepingLogs, KeepingDrafts, KeepingDeadlines, CollectingSessions,
    ListingSessions, BatchingSessions,
    KeepingValues, CopyingValues, RefusingInput,
    SealingSessions, MovingCiphertext, RotatingKeys, SeparatingNamespaces,
    WatchingSessions, TakingTurns, LeavingLeases, KeepingLeases, LosingLeases,
    ReportingState, LeavingNothing,
):  # fmt: skip
    """Every sentence that users of `SessionStore` rely on, as a test.

    `second` is how many seconds one second of the tests lasts.
    """

    second: float = 1.0
    make_store: Callable[..., Store] = SessionStore

    @pytest.fixture
    def open_backend(self) -> OpenBackend:
        """Say how an empty backend on a given clock is opened."""
        raise NotImplementedError("A subclass says how its backend is opened.")

    @pytest.fixture
    def clock(self) -> ManualClock:
        """Give the clock that `advance` moves."""
        return ManualClock()

    @pytest.fixture
    def advance(self, clock: ManualClock) -> Advance:
        """Let some seconds pass."""

        async def advance(seconds: float) -> None:
            clock.advance(seconds * self.second)

        return advance

    @pytest.fixture
    async def stores(self, open_backend: OpenBackend, clock: ManualClock) -> AsyncIterator[Stores]:
        """Open stores of one backend, whose clock the test moves."""
        make = type(self).make_store
        async with stores_on(open_backend(clock.clock), clock=clock.clock, make=make) as stores:
            yield stores

    @pytest.fixture
    async def stores_live(self, open_backend: OpenBackend) -> AsyncIterator[Stores]:
        """Open stores of one backend, whose clock runs."""
        make = type(self).make_store
        async with stores_on(open_backend(SYSTEM_CLOCK), clock=SYSTEM_CLOCK, make=make) as stores:
            yield stores

    @pytest.fixture
    async def store(self, stores: Stores) -> Store:
        """Open a store, whose clock the test moves."""
        return await stores.open()

    @pytest.fixture
    async def live(self, stores_live: Stores) -> Store:
        """Open a store, whose clock runs."""
        return await stores_live.open()
