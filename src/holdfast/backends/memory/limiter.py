"""Rate limits in memory: one number a limit, forgotten as soon as it says nothing."""

from collections import OrderedDict

from holdfast.backend import Allowance, Take
from holdfast.gcra import decide

SWEPT_PER_TAKE = 2


class Limiter:
    """Arrival times by key. Each take looks at two others, so what is full does not pile up."""

    def __init__(self) -> None:
        self._arrivals: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._arrivals)

    def take(self, operation: Take, *, now: int) -> Allowance:
        """Take from one limit."""
        self._sweep(now)
        decision = decide(operation, arrival=self._arrivals.get(operation.key, 0), now=now)
        if decision.arrival is not None:
            self._arrivals[operation.key] = decision.arrival
        return decision.allowance

    def _sweep(self, now: int) -> None:
        for _ in range(min(SWEPT_PER_TAKE, len(self._arrivals))):
            key, arrival = self._arrivals.popitem(last=False)
            if arrival > now:
                self._arrivals[key] = arrival
