"""The sessions of one namespace in memory: by id, by activity, by deadline, by creation."""

from bisect import bisect_right, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush

from holdfast.backend import Changed, Record, StoredItem
from holdfast.backends.rules import Lease
from holdfast.events import Reason


class Entry:
    """One session: its record and what belongs to it.

    `forgotten` is the revision of the last change that it does not remember any more.
    """

    __slots__ = (
        "alive",
        "changes",
        "draft",
        "due",
        "forgotten",
        "items",
        "lease",
        "record",
        "session_id",
        "space",
    )

    def __init__(self, space: "Space", session_id: str, record: Record) -> None:
        self.space = space
        self.session_id = session_id
        self.record = record
        self.due = record.expires
        self.alive = True
        self.items: deque[StoredItem] = deque()
        self.lease = Lease()
        self.draft = b""
        self.changes: OrderedDict[str, tuple[bytes, Changed]] = OrderedDict()
        self.forgotten = 0


class Space:
    """A namespace that holds at most `max_sessions`; the least recently active one makes room."""

    def __init__(self, max_sessions: int, on_end: Callable[[str, Reason], None]) -> None:
        self._max_sessions = max_sessions
        self._on_end = on_end
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._deadlines: list[tuple[int, int, Entry]] = []
        self._by_creation: list[tuple[int, str, Entry]] = []
        self._pushed = 0
        self._gone = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, session_id: str, now: int) -> Entry | None:
        """Find a live session; one past its deadline is collected."""
        entry = self._entries.get(session_id)
        if entry is None:
            return None
        record = entry.record
        if record.base + record.ttl > now < record.cap:
            return entry
        self.remove(entry, "expired")
        return None

    def insert(self, session_id: str, record: Record, now: int) -> Entry:
        """Keep a new session, collecting expired ones or evicting one when it is full."""
        if len(self._entries) >= self._max_sessions and not self.collect(now, limit=1):
            self.remove(next(iter(self._entries.values())), "evicted")
            self.evicted += 1
        entry = Entry(self, session_id, record)
        self._entries[session_id] = entry
        self._schedule(entry)
        insort(self._by_creation, (record.created, session_id, entry), key=_position)
        return entry

    def update(self, entry: Entry, record: Record) -> None:
        """Keep the next record of a session; it is now the most recently active one."""
        entry.record = record
        self._entries.move_to_end(entry.session_id)
        if record.expires < entry.due:
            self._schedule(entry)

    def remove(self, entry: Entry, reason: Reason) -> None:
        """Forget a session, and tell that it has ended."""
        del self._entries[entry.session_id]
        entry.alive = False
        self._gone += 1
        if self._gone > len(self._entries) + 64:
            self._compact()
        self._on_end(entry.session_id, reason)

    def collect(self, now: int, limit: int | None = None) -> list[str]:
        """Remove expired sessions, the oldest deadline first, and give their ids."""
        collected: list[str] = []
        while self._deadlines and self._deadlines[0][0] <= now and len(collected) != limit:
            due, _, entry = heappop(self._deadlines)
            if not entry.alive or due != entry.due:
                continue
            if entry.record.expires > due:
                self._schedule(entry)
                continue
            self.remove(entry, "expired")
            collected.append(entry.session_id)
        return collected

    def created_after(self, position: tuple[int, str] | None) -> Iterator[Entry]:
        """Walk through the sessions by creation, from behind `position`."""
        start = bisect_right(self._by_creation, position, key=_position) if position else 0
        for index in range(start, len(self._by_creation)):
            entry = self._by_creation[index][2]
            if entry.alive:
                yield entry

    def _schedule(self, entry: Entry) -> None:
        """Look at the session again at its present deadline (a later one is found then)."""
        entry.due = entry.record.expires
        self._pushed += 1
        heappush(self._deadlines, (entry.due, self._pushed, entry))

    def _compact(self) -> None:
        """Drop what removed sessions left in the deadlines and in the order of creation."""
        self._gone = 0
        self._by_creation = [row for row in self._by_creation if row[2].alive]
        self._deadlines = [row for row in self._deadlines if row[2].alive and row[0] == row[2].due]
        heapify(self._deadlines)


def _position(row: tuple[int, str, Entry]) -> tuple[int, str]:
    return row[0], row[1]
