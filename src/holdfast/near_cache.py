"""Snapshots kept near: a read is answered from here while the store would say the same.

The backend says when a session has moved (`forget`), when nobody can say what has (`flush`), until
when it would have heard of it (`alive_until`), and what the store's clock shows (`store_time`).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from holdfast.clock import MICROSECONDS

S = TypeVar("S")

# How far this host's clock may run apart from the store's while a snapshot is kept.
DRIFT: Final = 0.001


class Ticket:
    """Leave to keep what a read is going to answer, unless the session moves meanwhile."""

    __slots__ = ("session_id",)

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id


class Kept(NamedTuple, Generic[S]):
    """A snapshot, until when it can be live, and since when it is here (monotonic seconds)."""

    snapshot: S
    until: float
    since: float


class NearCache(Generic[S]):
    """The `size` snapshots that were used last. Nothing is kept until the store's time is known."""

    def __init__(self, size: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._monotonic = monotonic
        self._kept: OrderedDict[str, Kept[S]] = OrderedDict()
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()
        self._alive_until = 0.0
        # The store's clock is not ahead of this host's monotonic one by more microseconds.
        self._ahead: float | None = None
        self._hits = self._misses = self._flushes = self._invalidations = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, session_id: str) -> S | None:
        """Give a session's snapshot, if it surely is the session as it was a moment ago."""
        kept = self._kept.get(session_id)
        if kept is not None:
            now = self._monotonic()
            if now < kept[1] and now < self._alive_until:
                self._hits += 1
                self._kept.move_to_end(session_id)
                return kept[0]
        self._misses += 1
        return None

    def begin(self, session_id: str) -> Ticket:
        """Prepare to keep what a read answers; to be called before it is sent."""
        ticket = self._tickets[session_id] = Ticket(session_id)
        if len(self._tickets) > self._size:
            self._tickets.popitem(last=False)
        return ticket

    def fill(self, ticket: Ticket, snapshot: S, *, expires: int) -> None:
        """Keep what a read has answered, unless the session has moved since it was sent.

        `expires` is the session's deadline by the store's clock, in microseconds since 1970.
        """
        session_id = ticket.session_id
        if self._tickets.get(session_id) is not ticket:
            return
        del self._tickets[session_id]
        if self._ahead is None:
            return
        now = self._monotonic()
        left = (expires - self._ahead) / MICROSECONDS - now
        if left <= 0:
            return
        self._kept[session_id] = Kept(snapshot, now + left * (1 - DRIFT), now)
        self._kept.move_to_end(session_id)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, session_id: str) -> None:
        """Forget a session that this process itself is about to move, or has moved."""
        self._kept.pop(session_id, None)
        self._tickets.pop(session_id, None)

    def forget(self, session_id: str) -> None:
        """Forget a session that has moved."""
        self._invalidations += 1
        self.drop(session_id)

    def flush(self) -> None:
        """Forget everything, and what is being read."""
        self._flushes += 1
        self._kept.clear()
        self._tickets.clear()

    def alive_until(self, monotonic: float) -> None:
        """Answer until then: up to that moment, the store's word of what has moved would come."""
        self._alive_until = monotonic

    def store_time(self, microseconds: int, *, sent_at: float) -> None:
        """Learn what the store's clock showed, in answer to what was sent at `sent_at`.

        It showed that later than `sent_at`, so what is reckoned from the two is never too early.
        """
        self._ahead = microseconds - sent_at * MICROSECONDS

    def statistics(self) -> Mapping[str, float]:
        """Count answers from here and elsewhere; say how old the oldest snapshot is, in seconds."""
        now = self._monotonic()
        oldest = min((kept.since for kept in self._kept.values()), default=now)
        return {
            "entries": len(self._kept),
            "size": self._size,
            "hits": self._hits,
            "misses": self._misses,
            "flushes": self._flushes,
            "invalidations": self._invalidations,
            "oldest_seconds": now - oldest,
        }
