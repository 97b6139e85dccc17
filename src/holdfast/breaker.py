"""A circuit breaker: while a store is down, callers are told so at once instead of waiting for it.

Closed, it counts answers and failures over a rolling window, and opens when enough calls were made
and too many failed. Open, it refuses. After a pause it is half open and lets a few calls through;
when all of them are answered it closes, when one fails it opens again. A cancelled call is neither
a success nor a failure, nor is a refusal by the store's rules while the breaker is closed; half
open, a refusal is an answer, for it shows that the store is back.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from holdfast.errors import StoreUnavailable

State = Literal["closed", "open", "half_open"]


class BreakerPolicy(NamedTuple):
    """When to open: `failure_rate` of at least `minimum_calls` within `window` seconds.

    It also opens when so many calls failed and nothing was answered for `silence` seconds while
    calls were under way: those of a store that hangs end late and few, and a good past would hide
    them. It stays open for `pause` seconds, then lets `permits` calls through.
    """

    failure_rate: float = 0.5
    minimum_calls: int = 10
    window: float = 10.0
    pause: float = 1.0
    permits: int = 3
    silence: float = 1.0


# The window is so many stretches of time, none of more calls than this: a long good past does not
# hide a store that has just gone.
STRETCHES: Final = 10
MOST_CALLS: Final = 100

NEVER_OPEN: Final = BreakerPolicy(failure_rate=math.inf, silence=math.inf)


class Breaker:
    """The breaker before one backend node, in one process."""

    def __init__(
        self,
        policy: BreakerPolicy = BreakerPolicy(),
        *,
        clock: Callable[[], float] = time.monotonic,
        on_move: Callable[[State], None] | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._on_move = on_move
        self._state: State = "closed"
        self._stretches: deque[_Stretch] = deque((_Stretch(-math.inf),))
        self._lasting = policy.window / STRETCHES
        # When the first call began that nothing was answered since; 0 when there is none.
        self._asked_at = 0.0
        self._opened_at = 0.0
        self._permit = Permit(self)
        self._in_flight = 0
        self._answered = 0
        self.opened = 0

    @property
    def state(self) -> State:
        """Where the breaker stands now."""
        return self._state

    @property
    def on_trial(self) -> bool:
        """Whether the calls that are let through now decide if it closes."""
        return self._state == "half_open"

    @property
    def abandoned(self) -> bool:
        """Whether it has not closed, and nobody has asked through it for longer than a window."""
        patience = self._policy.pause + self._policy.window
        return self._state != "closed" and self._clock() - self._opened_at > patience

    def admit(self) -> "Permit":
        """Let a call through; settle the permit with what became of it.

        Raises:
            StoreUnavailable: the breaker is open, or half open with all its permits in use.
        """
        if self._state != "closed":
            self._admit_on_trial()
        elif not self._asked_at:
            self._asked_at = self._clock()
        return self._permit

    def _admit_on_trial(self) -> None:
        if self._state == "open":
            left = self._opened_at + self._policy.pause - self._clock()
            if left > 0:
                raise self._refusal(left)
            self._in_flight = self._answered = 0
            self._move("half_open")
        if self._in_flight + self._answered >= self._policy.permits:
            raise self._refusal(self._policy.pause)
        self._in_flight += 1

    def settle(self, permit: "Permit", answered: bool | None) -> None:
        """Count an answer (True), a failure (False), or nothing (None)."""
        if permit is not self._permit:
            return
        if self._state == "closed":
            if answered is not False:
                self._asked_at = 0.0
            if answered is not None:
                self._record(answered)
        elif self._state == "half_open":
            self._settle_trial(answered)

    def _settle_trial(self, answered: bool | None) -> None:
        self._in_flight -= 1
        if answered is False:
            self._open()
        elif answered:
            self._answered += 1
            if self._answered == self._policy.permits:
                self._stretches = deque((_Stretch(-math.inf),))
                self._move("closed")

    def _record(self, answered: bool) -> None:
        stretch, now = self._stretches[-1], self._clock()
        if stretch.calls >= MOST_CALLS or now - stretch.began >= self._lasting:
            stretch = self._begin(now)
        stretch.calls += 1
        if not answered:
            stretch.failures += 1
            if self._fails(now):
                self._open()

    def _begin(self, now: float) -> "_Stretch":
        """Begin a stretch of calls, and forget those that the window has left behind."""
        stretches, stretch = self._stretches, _Stretch(now)
        stretches.append(stretch)
        while len(stretches) > STRETCHES or stretches[0].began < now - self._policy.window:
            stretches.popleft()
        return stretch

    def _fails(self, now: float) -> bool:
        """Say whether a store that has just failed once more is to be left alone."""
        policy = self._policy
        calls = sum(stretch.calls for stretch in self._stretches)
        failures = sum(stretch.failures for stretch in self._stretches)
        if calls >= policy.minimum_calls and failures >= policy.failure_rate * calls:
            return True
        hangs = self._asked_at and now - self._asked_at >= policy.silence
        return bool(hangs) and failures >= policy.minimum_calls

    def _open(self) -> None:
        self._asked_at = 0.0
        self._opened_at = self._clock()
        self._permit = Permit(self)
        self.opened += 1
        self._move("open")

    def _move(self, state: State) -> None:
        self._state = state
        if self._on_move is not None:
            self._on_move(state)

    def _refusal(self, retry_after: float) -> StoreUnavailable:
        reason = "The session store has failed repeatedly and is being left alone"
        return StoreUnavailable(reason, retry_after=max(retry_after, 0.001))


class _Stretch:
    """Some calls that came one after another: how many, and how many of them failed."""

    __slots__ = ("began", "calls", "failures")

    def __init__(self, began: float) -> None:
        self.began = began
        self.calls = 0
        self.failures = 0


class Permit(NamedTuple):
    """Calls that are let through until it opens next; answers that come later do not count."""

    breaker: Breaker

    def settle(self, answered: bool | None) -> None:
        """Say what became of a call: answered, failed, or neither."""
        self.breaker.settle(self, answered)
