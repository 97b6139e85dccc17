"""What happens to sessions, kept in the file while somebody in any process watches."""

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from holdfast.backends.sqlite.statements import Statements
from holdfast.events import Kind, Reason

# How long a watcher counts that does not say that it goes on, in microseconds.
SPAN: Final = 10_000_000
MOST_EVENTS: Final = 100_000


class Entry(NamedTuple):
    """What happened to the session of a key."""

    key: str
    kind: Kind
    reason: Reason | None = None


class Journal:
    """The events and their watchers, as the connection that writes sees them.

    All is done in a transaction of the caller's. `now` is of the host's boot clock: a watcher lives
    by it, whatever clock the sessions go by.
    """

    def __init__(self, connection: sqlite3.Connection, statements: Statements) -> None:
        self._connection = connection
        self._statements = statements
        self._until = 0
        self._version: int | None = None

    def refresh(self, version: int) -> None:
        """Look whether somebody watches, if the file has been written to by others."""
        if version != self._version:
            self._until = self._number("watched_until")
            self._version = version

    def watched(self, now: int) -> bool:
        """Say whether somebody watches. What the last one left behind is thrown away."""
        if not self._until:
            return False
        if 0 < self._until - now <= SPAN:
            return True
        self._forget(now)
        return False

    def write(self, entries: Iterable[Entry]) -> None:
        """Keep what has happened."""
        self._connection.executemany(self._statements["insert_event"], entries)

    def join(self, token: str, now: int) -> int:
        """Begin to watch; give the number of the last event before."""
        last = self._number("last_event")
        self._run("keep_watcher", token, now + SPAN, last)
        self._version = None
        return last

    def go_on(self, token: str, seen: int, now: int) -> int | None:
        """Go on watching; a watcher that was given up joins anew, and is told where."""
        self._version = None
        known = self._run("watch_on", now + SPAN, seen, token).rowcount
        joined = None if known else self.join(token, now)
        self._forget(now)
        return joined

    def leave(self, token: str, now: int) -> None:
        """Watch no more."""
        self._version = None
        self._run("forget_watcher", token)
        self._forget(now)

    def _forget(self, now: int) -> None:
        """Forget watchers that are gone, and events that nobody is going to read."""
        self._connection.execute(
            self._statements["forget_dead_watchers"], {"now": now, "span": SPAN}
        )
        self._connection.execute(self._statements["forget_events"], {"most": MOST_EVENTS})
        self._until = self._number("watched_until")

    def _number(self, name: str) -> int:
        return int(self._run(name).fetchone()[0])

    def _run(self, name: str, *arguments: object) -> sqlite3.Cursor:
        return self._connection.execute(self._statements[name], arguments)
