"""Rate limits in memory: one number a limit, forgotten as soon as it says nothing."""

from heapq import heappop, heappush, heapreplace
from typing import Final

from holdfast.backend import Allowance, Take
from holdfast.gcra import MOST_LIMITS, decide

SWEPT_PER_TAKE: Final = 2
# When expired sessions are collected, so that limits go as well that nobody takes from any more.
SWEPT_PER_PURGE: Final = 10_000


class Limiter:
    """Arrival times by key. Each take looks at two others, so what is full does not pile up.

    `_order` holds each key once, by an arrival time that may be older than the one that counts.
    """

    def __init__(self) -> None:
        self._arrivals: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._arrivals)

    def take(self, operation: Take, *, now: int) -> Allowance:
        """Take from one limit."""
        self.sweep(SWEPT_PER_TAKE, now=now)
        decision = decide(operation, arrival=self._arrivals.get(operation.key, 0), now=now)
        if decision.arrival is not None:
            self._keep(operation.key, decision.arrival)
        return decision.allowance

    def _keep(self, key: str, arrival: int) -> None:
        if key not in self._arrivals:
            while len(self._arrivals) >= MOST_LIMITS:
                self._forget_first()
            heappush(self._order, (arrival, key))
        self._arrivals[key] = arrival

    def sweep(self, most: int = SWEPT_PER_PURGE, *, now: int) -> None:
        """Forget limits that are full; look at so many of those that come first."""
        for _ in range(most):
            if not self._order or self._order[0][0] > now:
                return
            self._forget_first(now)

    def _forget_first(self, until: int | None = None) -> None:
        """Forget the limit that comes first; put it where it belongs when it was moved."""
        seen, key = self._order[0]
        arrival = self._arrivals[key]
        if arrival <= (seen if until is None else until):
            heappop(self._order)
            del self._arrivals[key]
        else:
            heapreplace(self._order, (arrival, key))
