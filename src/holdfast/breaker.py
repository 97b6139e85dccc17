"""A circuit breaker: while a store is down, callers are told so at once instead of waiting for it.

Closed, it counts answers and failures over a rolling window, and opens when enough calls were made
and too many failed. Open, it refuses. After a pause it is half open and lets a few calls through;
when all of them are answered it closes, when one fails it opens again. A cancelled call is neither
a success nor a failure, nor is a refusal by the store's rules while the breaker is closed; half
open, a refusal is an answer, for it shows that the store is back.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple

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
        self._calls: deque[tuple[float, bool]] = deque()
        self._failures = 0
        # When the first call began that nothing was answered since; 0 when there is none.
        self._asked_at = 0.0
        self._opened_at = 0.0
        self._permit = Permit(self, 0.0)
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
        if self._state == "open" and self._clock() - self._opened_at >= self._policy.pause:
            self._in_flight = self._answered = 0
            self._move("half_open")
        if self._state == "open":
            raise self._refusal(self._opened_at + self._policy.pause - self._clock())
        if self._state == "half_open":
            if self._in_flight + self._answered >= self._policy.permits:
                raise self._refusal(self._policy.pause)
            self._in_flight += 1
        elif not self._asked_at:
            self._asked_at = self._clock()
        return self._permit

    def settle(self, permit: "Permit", answered: bool | None) -> None:
        """Count an answer (True), a failure (False), or nothing (None)."""
        if permit.opened_at != self._opened_at:
            return
        if self._state == "half_open":
            self._settle_trial(answered)
        elif self._state == "closed":
            if answered is not False:
                self._asked_at = 0.0
            if answered is not None:
                self._record(answered)

    def _settle_trial(self, answered: bool | None) -> None:
        self._in_flight -= 1
        if answered is False:
            self._open()
        elif answered:
            self._answered += 1
            if self._answered == self._policy.permits:
                self._calls.clear()
                self._failures = 0
                self._move("closed")

    def _record(self, answered: bool) -> None:
        calls, now = self._calls, self._clock()
        calls.append((now, answered))
        self._failures += not answered
        oldest = now - self._policy.window
        while calls[0][0] < oldest or len(calls) > MAX_REMEMBERED:
            _, forgotten = calls.popleft()
            self._failures -= not forgotten
        if self._failures and len(calls) >= self._policy.minimum_calls:
            if self._failures >= self._policy.failure_rate * len(calls) or self._hangs(now):
                self._open()

    def _hangs(self, now: float) -> bool:
        if not self._asked_at or self._failures < self._policy.minimum_calls:
            return False
        return now - self._asked_at >= self._policy.silence

    def _open(self) -> None:
        self._asked_at = 0.0
        self._opened_at = self._clock()
        self._permit = Permit(self, self._opened_at)
        self.opened += 1
        self._move("open")

    def _move(self, state: State) -> None:
        self._state = state
        if self._on_move is not None:
            self._on_move(state)

    def _refusal(self, retry_after: float) -> StoreUnavailable:
        reason = "The session store has failed repeatedly and is being left alone"
        return StoreUnavailable(reason, retry_after=max(retry_after, 0.001))


MAX_REMEMBERED = 1000


class Permit(NamedTuple):
    """One call that was let through; late answers to calls from before an opening do not count."""

    breaker: Breaker
    opened_at: float

    def settle(self, answered: bool | None) -> None:
        """Say what became of the call: answered, failed, or neither."""
        self.breaker.settle(self, answered)
