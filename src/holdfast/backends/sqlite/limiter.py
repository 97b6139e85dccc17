"""Rate limits in the file: one number a limit, forgotten when it says nothing any more."""

import sqlite3
from typing import Final

from holdfast.backend import Allowance, Take
from holdfast.backends.sqlite.statements import Statements
from holdfast.gcra import MOST_LIMITS, decide

SWEPT_PER_TAKE: Final = 2
# When expired sessions are collected, so that limits go as well that nobody takes from any more.
SWEPT_PER_PURGE: Final = 10_000
# Counting the limits costs time, so each process does it once for so many new ones.
TRIMMED_AFTER: Final = 1000


class Limiter:
    """Takes from limits. Each take forgets up to two full ones, so that they do not pile up."""

    def __init__(self, connection: sqlite3.Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements
        self._added = 0

    def take(self, operation: Take, *, now: int) -> Allowance:
        """Take from one limit."""
        self.sweep(SWEPT_PER_TAKE, now=now)
        found = self._connection.execute(self._statements["read_limit"], (operation.key,))
        row = found.fetchone()
        decision = decide(operation, arrival=row[0] if row else 0, now=now)
        if decision.arrival is not None:
            kept = (operation.key, decision.arrival, operation.interval * operation.burst)
            self._connection.execute(self._statements["keep_limit"], kept)
            if row is None:
                self._count_added()
        return decision.allowance

    def sweep(self, most: int = SWEPT_PER_PURGE, *, now: int) -> None:
        """Forget so many limits that are full."""
        self._connection.execute(self._statements["forget_full_limits"], (now, most))

    def forget_stale(self, *, now: int) -> None:
        """Forget what no take would come by: limits from before the host was started."""
        self._connection.execute(self._statements["forget_stale_limits"], {"now": now})

    def _count_added(self) -> None:
        """Forget what is too much, from time to time."""
        self._added += 1
        if self._added == TRIMMED_AFTER:
            self._added = 0
            self._connection.execute(self._statements["trim_limits"], (MOST_LIMITS,))
