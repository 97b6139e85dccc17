"""The memory backend: every operation is one step of the event loop, so none can be half done."""

from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Self

from holdfast.backend import (
    Absent,
    Acquire,
    Allowance,
    Apply,
    Changed,
    Conflict,
    Count,
    Counted,
    Create,
    Created,
    Delete,
    Deleted,
    DraftFound,
    DraftKept,
    Drop,
    Dropped,
    Existing,
    Found,
    Granted,
    Held,
    ItemsFound,
    KeepDraft,
    LeaseGone,
    List,
    Listed,
    Operation,
    Outcome,
    Purge,
    Purged,
    Read,
    ReadDraft,
    ReadItems,
    Record,
    Release,
    Released,
    Renew,
    Reseal,
    Resealed,
    Take,
    Touch,
)
from holdfast.backends import rules
from holdfast.backends.entering import already_open
from holdfast.backends.memory.limiter import Limiter
from holdfast.backends.memory.space import Entry, Space
from holdfast.backends.scan import ScanPage
from holdfast.bells import Bell, Bells
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import StoreUnavailable
from holdfast.events import Event, Feeds, Reason


class MemoryBackend:
    """Keeps at most `max_sessions` a namespace; the least recently active one makes room.

    Entering raises `RuntimeError` while the backend is open. A closed one may be entered again, and
    is empty then.
    """

    name = "memory"
    answers_can_be_lost = False
    part_of = None

    def __init__(self, *, max_sessions: int = 10_000, clock: Clock = SYSTEM_CLOCK) -> None:
        self._max_sessions = max_sessions
        self._clock = clock
        self._spaces: dict[str, Space] = {}
        self._bells = Bells()
        self._feeds = Feeds()
        self._limiter = Limiter()
        self._entered = False
        self._closed = False

    async def __aenter__(self) -> Self:
        if self._entered:
            raise already_open(self.name)
        self._entered = True
        self._closed = False
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Forget everything, and wake those who wait for a session."""
        self._entered = False
        self._closed = True
        self._spaces.clear()
        self._bells.ring_all()
        self._feeds.end()

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation; nothing here waits.

        Raises:
            StoreUnavailable: the backend is closed.
        """
        if self._closed:
            raise _closed()
        return self._run(operation)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Ring when the session changes, ends, or loses its lease."""
        return self._bells.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Ring when the session moves: nobody keeps a line, whoever asks first has the lease."""
        return self.listen(key)

    @asynccontextmanager
    async def events(self, namespace: str) -> AsyncGenerator[AsyncIterator[Event]]:
        """Tell what happens to the sessions of a namespace.

        Raises:
            StoreUnavailable: the backend is closed.
        """
        if self._closed:
            raise _closed()
        with self._feeds.watch(namespace) as feed:
            yield feed

    def statistics(self) -> Mapping[str, int]:
        """Count evictions, and what is kept in all namespaces."""
        spaces = self._spaces.values()
        return {
            "evictions": sum(space.evicted for space in spaces),
            "kept_sessions": sum(map(len, spaces)),
            "max_sessions": self._max_sessions,
            "limits": len(self._limiter),
            "listeners": len(self._bells),
        }

    def _run(self, operation: Operation) -> Outcome:
        match operation:
            case Read():
                entry = self._find(operation.key)
                return Absent() if entry is None else Found(entry.record)
            case Apply():
                entry = self._find(operation.key)
                return Absent() if entry is None else self._apply(entry, operation)
            case Create():
                return self._create(operation)
            case Take():
                return self._take(operation)
            case Count():
                return self._count(operation)
            case List():
                return self._list(operation)
            case Purge():
                return self._purge(operation)
            case _:
                entry = self._find(operation.key)
                if entry is not None:
                    return self._run_on(entry, operation)
                match operation:
                    case Delete():
                        return Deleted(False)
                    case Release():
                        return Released(False)
                    case _:
                        return Absent()

    def _run_on(self, entry: Entry, operation: Operation) -> Outcome:
        match operation:
            case Touch():
                return self._touch(entry, operation)
            case Delete():
                return self._delete(entry, operation)
            case ReadItems():
                return _read_items(entry, operation)
            case Drop():
                return self._drop(entry, operation)
            case KeepDraft():
                return self._keep_draft(entry, operation)
            case ReadDraft():
                return DraftFound(entry.draft)
            case Reseal():
                return _reseal(entry, operation)
            case Acquire():
                return self._acquire(entry, operation)
            case Renew():
                return self._renew(entry, operation)
            case Release():
                return self._release(entry, operation)
            case _:
                raise TypeError(f"{type(operation).__name__} does not name a session")

    def _space(self, namespace: str) -> Space:
        space = self._spaces.get(namespace)
        if space is None:
            space = self._spaces[namespace] = Space(
                self._max_sessions, partial(self._tell_ended, namespace)
            )
        return space

    def _tell_ended(self, namespace: str, session_id: str, reason: Reason) -> None:
        self._bells.ring(f"{namespace}/{session_id}")
        self._feeds.tell(namespace, Event("destroyed", session_id, reason))

    def _find(self, key: str) -> Entry | None:
        namespace, _, session_id = key.partition("/")
        space = self._spaces.get(namespace)
        return None if space is None else space.find(session_id, self._clock.wall())

    def _keep(self, entry: Entry, key: str, record: Record) -> None:
        entry.space.update(entry, record)
        self._bells.ring(key)
        if self._feeds:
            namespace, _, session_id = key.partition("/")
            self._feeds.tell(namespace, Event("changed", session_id))

    def _create(self, operation: Create) -> Created | Existing:
        entry = self._find(operation.key)
        if entry is None:
            namespace, _, session_id = operation.key.partition("/")
            now = self._clock.wall()
            record = rules.create(operation, now=now)
            self._space(namespace).insert(session_id, record, now)
            self._feeds.tell(namespace, Event("created", session_id))
            return Created(record)
        if entry.record.incarnation == operation.incarnation:
            return Created(rules.create(operation, now=entry.record.created))
        return Existing(entry.record)

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        known = entry.changes.get(operation.change_id)
        answered = rules.settled(entry, operation, known, _forgotten, self._holds)
        if answered is not None:
            return answered
        now = self._clock.wall()
        record, answer = rules.apply(entry.record, operation, now=now)
        if operation.append:
            entry.items.extend(rules.appended(entry.record, operation, now=now))
            while len(entry.items) > record.length:
                entry.items.popleft()
        if operation.remember:
            _remember(entry, operation, answer)
        self._keep(entry, operation.key, record)
        return answer

    def _touch(self, entry: Entry, operation: Touch) -> Found:
        record = rules.touch(entry.record, operation, now=self._clock.wall())
        if record.expires < entry.record.expires:
            self._bells.ring(operation.key)
        entry.space.update(entry, record)
        return Found(record)

    def _delete(self, entry: Entry, operation: Delete) -> Deleted | Conflict:
        conflict = rules.disagree(
            entry.record, operation.expect_incarnation, operation.expect_revision
        )
        if conflict:
            return conflict
        entry.space.remove(entry, "deleted")
        return Deleted(True)

    def _drop(self, entry: Entry, operation: Drop) -> Dropped:
        newest = entry.items.pop() if entry.items and not operation.everything else None
        if operation.everything:
            entry.items.clear()
        now = self._clock.wall()
        record = rules.drop(entry.record, length=len(entry.items), slide=operation.slide, now=now)
        self._keep(entry, operation.key, record)
        return Dropped(newest, record.revision)

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> DraftKept | LeaseGone:
        token = operation.lease_token
        if token is not None and not entry.lease.held_by(token, self._clock.boot()):
            return LeaseGone()
        entry.draft = operation.sealed
        self._bells.ring(operation.key)
        return DraftKept()

    def _acquire(self, entry: Entry, operation: Acquire) -> Granted | Held:
        entry.lease, answer = rules.acquire(
            entry.lease,
            token=operation.token,
            ttl=operation.ttl,
            steal=operation.steal,
            now=self._clock.boot(),
            wall=self._clock.wall(),
        )
        if operation.steal:
            self._bells.ring(operation.key)
        return answer

    def _renew(self, entry: Entry, operation: Renew) -> Granted | LeaseGone:
        now = self._clock.boot()
        if not entry.lease.held_by(operation.token, now):
            return LeaseGone()
        entry.lease = entry.lease._replace(until=now + operation.ttl, ttl=operation.ttl)
        return Granted(entry.lease.fence, operation.ttl)

    def _release(self, entry: Entry, operation: Release) -> Released:
        if not self._holds(entry, operation.token):
            return Released(False)
        entry.lease = rules.Lease(fence=entry.lease.fence)
        self._bells.ring(operation.key)
        return Released(True)

    def _holds(self, entry: Entry, token: str) -> bool:
        return entry.lease.held_by(token, self._clock.boot())

    def _take(self, operation: Take) -> Allowance:
        return self._limiter.take(operation, now=self._clock.boot())

    def _count(self, operation: Count) -> Counted:
        space = self._space(operation.namespace)
        space.collect(self._clock.wall())
        return Counted(len(space))

    def _list(self, operation: List) -> Listed:
        now = self._clock.wall()
        page = ScanPage(operation)
        for entry in self._space(operation.namespace).created_after(operation.after):
            if entry.record.expires > now and not page.offer(entry.session_id, entry.record):
                break
        return page.listed()

    def _purge(self, operation: Purge) -> Purged:
        self._limiter.sweep(now=self._clock.boot())
        space = self._space(operation.namespace)
        return Purged(tuple(space.collect(self._clock.wall(), operation.limit)))


def _read_items(entry: Entry, operation: ReadItems) -> ItemsFound:
    start = bisect_right(entry.items, operation.after, key=attrgetter("number"))
    items = islice(entry.items, start, start + operation.limit)
    return ItemsFound(tuple(items), entry.record.length, entry.record.last_item)


def _reseal(entry: Entry, operation: Reseal) -> Resealed:
    entry.record, parts = rules.reseal(entry.record, operation)
    fresh = rules.resealed_items(entry.items, operation)
    if fresh:
        entry.items = deque(fresh.get(item.number, item) for item in entry.items)
    if operation.draft is not None and entry.draft and entry.draft == operation.draft[0]:
        entry.draft = operation.draft[1]
        parts += 1
    return Resealed(parts + len(fresh))


def _closed() -> StoreUnavailable:
    return StoreUnavailable("The session store is closed")


def _forgotten(entry: Entry) -> int:
    return entry.forgotten


def _remember(entry: Entry, operation: Apply, answer: Changed) -> None:
    entry.changes[operation.change_id] = operation.digest, answer._replace(replayed=True)
    if len(entry.changes) > rules.REMEMBERED_CHANGES:
        _, (_, oldest) = entry.changes.popitem(last=False)
        entry.forgotten = oldest.revision
