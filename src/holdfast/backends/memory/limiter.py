"""Rate limits in memory: one number a limit, forgotten as soon as it says nothing."""

from heapq import heappop, heappush, heapreplace
from typing import Final

from holdfast.backend import Allowance, Take
from holdfast.gcra import MOST_LIMITS, decide

SWEPT_PER_TAKE: Final = 2


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
        for _ in range(SWEPT_PER_TAKE):
            self._sweep(now)
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

    def _sweep(self, now: int) -> None:
        """Forget the limit that comes first, if it is full."""
        if self._order and self._order[0][0] <= now:
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
