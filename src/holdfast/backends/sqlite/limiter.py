"""Rate limits in the file: one number a limit, forgotten when it says nothing any more."""

import sqlite3
from typing import Final

from holdfast.backend import Allowance, Take
from holdfast.backends.sqlite.statements import Statements
from holdfast.gcra import decide

SWEPT_PER_TAKE: Final = 2


class Limiter:
    """Takes from limits. Each take forgets up to two full ones, so that they do not pile up."""

    def __init__(self, connection: sqlite3.Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements

    def take(self, operation: Take, *, now: int) -> Allowance:
        """Take from one limit."""
        self._connection.execute(self._statements["forget_full_limits"], (now, SWEPT_PER_TAKE))
        found = self._connection.execute(self._statements["read_limit"], (operation.key,))
        (arrival,) = found.fetchone() or (0,)
        decision = decide(operation, arrival=arrival, now=now)
        if decision.arrival is not None:
            kept = (operation.key, decision.arrival, operation.interval * operation.burst)
            self._connection.execute(self._statements["keep_limit"], kept)
        return decision.allowance

    def forget_stale(self, *, now: int) -> None:
        """Forget what no take would come by: limits from before the host was started."""
        self._connection.execute(self._statements["forget_stale_limits"], {"now": now})
