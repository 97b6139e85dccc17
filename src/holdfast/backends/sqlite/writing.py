"""Operations that may write: each is one step on the working set of its batch."""

from holdfast.backend import (
    Absent,
    Acquire,
    Apply,
    Conflict,
    Count,
    Create,
    Created,
    Delete,
    Deleted,
    DraftKept,
    Drop,
    Dropped,
    Existing,
    Found,
    Granted,
    Held,
    KeepDraft,
    LeaseGone,
    List,
    Operation,
    Outcome,
    Purge,
    Purged,
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
from holdfast.backends.sqlite.journal import Entry
from holdfast.backends.sqlite.limiter import Limiter
from holdfast.backends.sqlite.rows import Row
from holdfast.backends.sqlite.stretches import appended
from holdfast.backends.sqlite.workset import Workset
from holdfast.events import Kind, Reason


class Writing:
    """One batch at one moment: `wall` for deadlines, `boot` for leases and limits.

    `touched` collects the keys whose listeners are to be rung once the batch is committed,
    `entries` what has happened, if that is `watched`.
    """

    def __init__(
        self, workset: Workset, limiter: Limiter, *, wall: int, boot: int, watched: bool = False
    ) -> None:
        self._workset = workset
        self._limiter = limiter
        self._wall = wall
        self._boot = boot
        self.touched: set[str] = set()
        self._watched = watched
        self.entries: list[Entry] = []
        self._changed: set[str] = set()

    def run(self, operation: Operation) -> Outcome:
        """Answer one operation."""
        match operation:
            case Apply():  # first, being asked for most
                row = self._workset.find(operation.key, self._wall)
                return Absent() if row is None else self._apply(row, operation)
            case Create():
                return self._create(operation)
            case Delete():  # of a damaged row, too
                row = self._workset.locate(operation.key, self._wall)
                return Deleted(False) if row is None else self._delete(row, operation)
            case Take():
                return self._limiter.take(operation, now=self._boot)
            case Purge():
                return self._purge(operation)
            case Count() | List():
                raise _misplaced(operation)
            case _:
                row = self._workset.find(operation.key, self._wall)
                return _of_nothing(operation) if row is None else self._run_on(row, operation)

    def _run_on(self, row: Row, operation: Operation) -> Outcome:
        match operation:
            case Touch():
                return self._touch(row, operation)
            case Drop():
                return self._drop(row, operation)
            case KeepDraft():
                return self._keep_draft(row, operation)
            case Reseal():
                return self._reseal(row, operation)
            case Acquire():
                return self._acquire(row, operation)
            case Renew():
                return self._renew(row, operation)
            case Release():
                return self._release(row, operation)
            case _:
                raise _misplaced(operation)

    def _create(self, operation: Create) -> Created | Existing:
        row = self._workset.find(operation.key, self._wall)
        if row is None:
            record = rules.create(operation, now=self._wall)
            if self._workset.remove(operation.key):
                self._tell(operation.key, "destroyed", "expired")
            self._workset.insert(operation.key, record)
            self._tell(operation.key, "created")
            return Created(record)
        if row.record.incarnation == operation.incarnation:
            return Created(rules.create(operation, now=row.record.created))
        return Existing(row.record)

    def _apply(self, row: Row, operation: Apply) -> Outcome:
        known = self._workset.remembered(row, operation.change_id)
        answered = rules.settled(row, operation, known, self._workset.forgotten, self._holds)
        if answered is not None:
            return answered
        before = row.record
        record, answer = rules.apply(before, operation, now=self._wall)
        if operation.append:
            row.stretches.append(appended(before, operation, now=self._wall))
            row.surplus += before.length + len(operation.append) - record.length
        if operation.remember:
            self._workset.remember(row, operation.change_id, operation.digest, answer)
        self._keep(row, record)
        return answer

    def _touch(self, row: Row, operation: Touch) -> Found:
        record = rules.touch(row.record, operation, now=self._wall)
        if record.expires < row.record.expires:
            self.touched.add(row.key)
        self._workset.keep(row, record)
        return Found(record)

    def _delete(self, row: Row, operation: Delete) -> Deleted | Conflict:
        conflict = rules.disagree(
            row.record, operation.expect_incarnation, operation.expect_revision
        )
        if conflict is not None:
            return conflict
        self._workset.remove(row.key)
        self._tell(row.key, "destroyed", "deleted")
        return Deleted(True)

    def _drop(self, row: Row, operation: Drop) -> Dropped:
        if operation.everything:
            newest = None
            length = 0
            self._workset.clear_items(row)
        else:
            newest = self._workset.pop_item(row)
            length = row.record.length - (newest is not None)
        self._keep(
            row, rules.drop(row.record, length=length, slide=operation.slide, now=self._wall)
        )
        return Dropped(newest, row.record.revision)

    def _keep_draft(self, row: Row, operation: KeepDraft) -> DraftKept | LeaseGone:
        token = operation.lease_token
        if token is not None and not self._holds(row, token):
            return LeaseGone()
        self._workset.keep_draft(row, operation.sealed)
        self.touched.add(row.key)
        return DraftKept()

    def _reseal(self, row: Row, operation: Reseal) -> Resealed:
        record, parts = rules.reseal(row.record, operation)
        if parts:
            self._workset.keep(row, record)
        if operation.items:
            parts += self._workset.reseal_items(row, operation)
        if operation.draft is not None and self._workset.swap_draft(row, *operation.draft):
            parts += 1
        return Resealed(parts)

    def _acquire(self, row: Row, operation: Acquire) -> Granted | Held:
        lease, answer = rules.acquire(
            self._workset.lease(row),
            token=operation.token,
            ttl=operation.ttl,
            steal=operation.steal,
            now=self._boot,
            wall=self._wall,
        )
        self._workset.keep_lease(row, lease)
        if operation.steal:
            self.touched.add(row.key)
        return answer

    def _renew(self, row: Row, operation: Renew) -> Granted | LeaseGone:
        if not self._holds(row, operation.token):
            return LeaseGone()
        lease = self._workset.lease(row)
        until = self._boot + operation.ttl
        self._workset.keep_lease(row, lease._replace(until=until, ttl=operation.ttl))
        return Granted(lease.fence, operation.ttl)

    def _release(self, row: Row, operation: Release) -> Released:
        if not self._holds(row, operation.token):
            return Released(False)
        self._workset.keep_lease(row, rules.Lease(fence=self._workset.lease(row).fence))
        self.touched.add(row.key)
        return Released(True)

    def _purge(self, operation: Purge) -> Purged:
        self._limiter.sweep(now=self._boot)
        keys = self._workset.due(operation.namespace, self._wall, operation.limit)
        for key in keys:
            self._workset.remove(key)
            self._tell(key, "destroyed", "expired")
        return Purged(tuple(key.partition("/")[2] for key in keys))

    def _keep(self, row: Row, record: Record) -> None:
        self._workset.keep(row, record)
        self.touched.add(row.key)
        if self._watched and row.key not in self._changed:
            self._changed.add(row.key)
            self.entries.append(Entry(row.key, "changed"))

    def _tell(self, key: str, kind: Kind, reason: Reason | None = None) -> None:
        """Note that a session has begun or ended."""
        self.touched.add(key)
        if self._watched:
            self._changed.discard(key)
            self.entries.append(Entry(key, kind, reason))

    def _holds(self, row: Row, token: str) -> bool:
        return self._workset.lease(row).held_by(token, self._boot)


def _of_nothing(operation: Operation) -> Outcome:
    """Answer an operation on a session that is not there."""
    match operation:
        case Release():
            return Released(False)
        case _:
            return Absent()


def _misplaced(operation: Operation) -> TypeError:
    return TypeError(f"{type(operation).__name__} is not an operation that writes")
