"""An event loop that runs what is ready in a random order, the same for the same seed.

    @pytest.mark.parametrize("first", range(0, 200, 50))
    def test_nothing_is_lost(first: int) -> None:
        shuffled(scenario, seeds=range(first, first + 50))

where `scenario` is an async function that takes a `ManualClock`. The loop keeps its time by that
clock: while nobody can go on, it jumps to the next timer, so leases, breakers and deadlines of
minutes are over in an instant, for the loop and for a backend on the same clock alike. A scenario
in which everybody waits and no timer is set has lost an answer, and fails.
"""

import asyncio
import math
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from holdfast.clock import MICROSECONDS
from holdfast.testing.manual_clock import ManualClock

Scenario = Callable[[ManualClock], Coroutine[Any, Any, object]]
SCHEDULES: Final = range(200)


class Stuck(AssertionError):
    """Everybody waits, and nothing will ever wake anybody."""


class _Shuffled(deque[asyncio.Handle]):
    """A queue that is not first in, first out: who is next is drawn from all who are ready."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def popleft(self) -> asyncio.Handle:
        self.rotate(-self._rng.randrange(len(self)))
        return super().popleft()


class _Jumping(selectors.SelectSelector):
    """Does not wait for time to pass, but lets it pass."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise Stuck("everybody waits, and no timer is set")
        if not ready and timeout:
            self._clock.pass_by(math.ceil(timeout * MICROSECONDS))
        return ready


class ShufflingLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in an order drawn from `seed`, by the time of `clock`."""

    def __init__(self, *, seed: int, clock: ManualClock) -> None:
        self._boot = clock.clock.boot
        super().__init__(_Jumping(clock))
        self._ready = _Shuffled(random.Random(seed))

    def time(self) -> float:
        """Tell the clock's time, in seconds."""
        return self._boot() / MICROSECONDS


def run_shuffled(scenario: Scenario, *, seed: int) -> None:
    """Run a scenario once, under one schedule."""
    clock = ManualClock()
    with asyncio.Runner(loop_factory=lambda: ShufflingLoop(seed=seed, clock=clock)) as runner:
        runner.run(scenario(clock))


def shuffled(scenario: Scenario, *, seeds: Iterable[int] = SCHEDULES) -> None:
    """Run a scenario under many schedules; what fails says under which one."""
    for seed in seeds:
        try:
            run_shuffled(scenario, seed=seed)
        except BaseException as failure:
            failure.add_note(f"Schedule: run_shuffled({scenario.__name__}, seed={seed})")
            raise
