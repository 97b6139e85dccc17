"""The connection that writes: a batch is one transaction, answered after its commit."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from holdfast.backend import Count, List, Operation, Purge, Take
from holdfast.backends.sqlite.batches import answer, answer_batch
from holdfast.backends.sqlite.journal import Journal
from holdfast.backends.sqlite.known_rows import KnownRows
from holdfast.backends.sqlite.limiter import Limiter
from holdfast.backends.sqlite.rows import Finder
from holdfast.backends.sqlite.statements import Statements
from holdfast.backends.sqlite.transactions import writing
from holdfast.backends.sqlite.workset import Workset
from holdfast.backends.sqlite.writing import Writing
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.coalescer import Answer

NAMING_NO_SESSION: Final = (Count, List, Purge, Take)


class Writer:
    """Runs batches, waiting `patience` seconds at most for writers in other processes."""

    def __init__(self, connection: sqlite3.Connection, *, clock: Clock, patience: float) -> None:
        self._connection = connection
        self._clock = clock
        self._patience = patience
        self._statements = Statements()
        self._finder = Finder(connection, self._statements)
        self._limiter = Limiter(connection, self._statements)
        self._journal = Journal(connection, self._statements)
        self._known = KnownRows()
        self._touched: set[str] = set()

    def run(self, operations: Sequence[Operation]) -> tuple[list[Answer], set[str]]:
        """Answer a batch, and give the keys whose listeners are to be rung."""
        self._touched = set()
        answers = answer_batch(self._transact, operations)
        return answers, self._touched

    def version(self) -> int:
        """Give a number that moves when another process has written, and only then."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def forget_stale_limits(self) -> None:
        """Forget rate limits that nobody would take from again."""
        with writing(self._connection, patience=self._patience):
            self._limiter.forget_stale(now=self._clock.boot())

    def join(self, token: str) -> int:
        """Begin to watch what happens; give the number of the last event before."""
        with writing(self._connection, patience=self._patience):
            return self._journal.join(token, SYSTEM_CLOCK.boot())

    def go_on(self, token: str, seen: int) -> int | None:
        """Go on watching; a watcher that was given up joins anew, and is told where."""
        with writing(self._connection, patience=self._patience):
            return self._journal.go_on(token, seen, SYSTEM_CLOCK.boot())

    def leave(self, token: str) -> None:
        """Watch no more."""
        with writing(self._connection, patience=self._patience):
            self._journal.leave(token, SYSTEM_CLOCK.boot())

    def _transact(self, operations: Sequence[Operation]) -> list[Answer]:
        known = self._known
        with known.surely(), writing(self._connection, patience=self._patience):
            version = self.version()
            known.refresh(version)
            self._journal.refresh(version)
            workset = Workset(self._connection, self._statements, self._finder, known)
            keys = [op.key for op in operations if not isinstance(op, NAMING_NO_SESSION)]
            workset.load(keys)
            batch = Writing(
                workset,
                self._limiter,
                wall=self._clock.wall(),
                boot=self._clock.boot(),
                watched=self._journal.watched(SYSTEM_CLOCK.boot()),
            )
            answers = [answer(batch.run, operation) for operation in operations]
            workset.flush()
            if batch.entries:
                self._journal.write(batch.entries)
        known.trim(keys)
        self._touched |= batch.touched
        return answers
