"""What a backend is: a plain, slow model of the contract, to compare real ones with.

Written from the words of `holdfast.backend` alone. Every change is tried on a copy, which takes the
place of the original only if nothing is against it.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import singledispatchmethod

from holdfast.backend import (
    MEMBER,
    Absent,
    Acquire,
    Allowance,
    Apply,
    Changed,
    ChangeIdReused,
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
    FlagUp,
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
    OverLimit,
    Read,
    ReadDraft,
    ReadItems,
    Record,
    Release,
    Released,
    Renew,
    Reseal,
    Resealed,
    StoredItem,
    Take,
    TooLarge,
    Touch,
    UserDiffers,
    Where,
)
from holdfast.clock import Clock


@dataclass
class Kept:
    """A session as plain data."""

    incarnation: str
    created: int
    ttl: int
    cap: int
    user_tag: bytes
    integers: dict[str, int]
    values: dict[bytes, bytes]
    base: int
    updated: int
    active: int
    revision: int = 1
    log: dict[int, StoredItem] = field(default_factory=dict[int, StoredItem])
    last_item: int = 0
    holder: str | None = None
    held_until: int = 0
    fence: int = 0
    draft: bytes = b""
    changes: dict[str, tuple[bytes, Changed]] = field(
        default_factory=dict[str, tuple[bytes, Changed]]
    )

    @property
    def deadline(self) -> int:
        """When it ends."""
        return min(self.base + self.ttl, self.cap)

    def record(self) -> Record:
        """Show it as a backend does."""
        return Record(
            self.incarnation, self.revision, self.created, self.updated, self.active, self.base,
            self.ttl, self.cap, self.user_tag, dict(self.integers), dict(self.values),
            len(self.log), self.last_item,
        )  # fmt: skip


class Model:
    """Answers operations as the contract says. Ended sessions leave nothing here.

    `Purge` is not answered: how many ended sessions are still there to be collected is a backend's
    own affair. `List` is answered in one page, whatever its limit.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Kept] = {}
        self._buckets: dict[str, tuple[int, int]] = {}

    def execute(self, operation: Operation) -> Outcome:
        """Answer one operation."""
        now = self._clock.wall()
        self._sessions = {key: kept for key, kept in self._sessions.items() if kept.deadline > now}
        return self._answer(operation)

    @singledispatchmethod
    def _answer(self, operation: Operation) -> Outcome:
        raise NotImplementedError(operation)

    @_answer.register
    def _(self, operation: Create) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            kept = self._sessions[operation.key] = _begun(operation, self._clock.wall())
        if kept.incarnation == operation.incarnation:
            return Created(_begun(operation, kept.created).record())
        return Existing(kept.record())

    @_answer.register
    def _(self, operation: Read) -> Outcome:
        kept = self._sessions.get(operation.key)
        return Found(kept.record()) if kept else Absent()

    @_answer.register
    def _(self, operation: Apply) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        if operation.change_id in kept.changes:
            digest, first = kept.changes[operation.change_id]
            return first._replace(replayed=True) if operation.repeats(digest) else ChangeIdReused()
        tried = deepcopy(kept)
        for refusal in (self._objection(tried, operation), _carry_out(tried, operation)):
            if refusal is not None:
                return refusal
        self._stamp(tried, slide=operation.slide, ttl=operation.ttl)
        return self._finish(tried, operation)

    def _objection(self, kept: Kept, operation: Apply) -> Outcome | None:
        token = operation.lease_token
        if token is not None and not self._holds(kept, token):
            return LeaseGone()
        return _disagreement(kept, operation.expect_incarnation, operation.expect_revision)

    def _finish(self, tried: Kept, operation: Apply) -> Outcome:
        first = tried.last_item + 1 if operation.append else None
        for place, sealed in enumerate(operation.append, start=1):
            tried.last_item += 1
            origin = f"{operation.change_id}:{place}"
            item = StoredItem(tried.last_item, tried.updated, origin, sealed)
            tried.log[tried.last_item] = item
        while operation.append and len(tried.log) > operation.max_items:
            del tried.log[min(tried.log)]
        answer = Changed(
            tried.incarnation, tried.revision, dict(tried.integers), first, tried.last_item
        )
        if operation.remember:
            tried.changes[operation.change_id] = operation.digest, answer
        self._sessions[operation.key] = tried
        return answer

    def _stamp(self, kept: Kept, *, slide: bool, ttl: int | None = None) -> None:
        now = self._clock.wall()
        kept.revision += 1
        kept.updated = kept.active = now
        if slide or ttl is not None:
            kept.base = now
        if ttl is not None:
            kept.ttl = ttl

    @_answer.register
    def _(self, operation: Touch) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        kept.active = self._clock.wall()
        if operation.slide or operation.ttl is not None:
            kept.base = kept.active
        if operation.ttl is not None:
            kept.ttl = operation.ttl
        return Found(kept.record())

    @_answer.register
    def _(self, operation: Delete) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Deleted(False)
        refusal = _disagreement(kept, operation.expect_incarnation, operation.expect_revision)
        if refusal is not None:
            return refusal
        del self._sessions[operation.key]
        return Deleted(True)

    @_answer.register
    def _(self, operation: ReadItems) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        numbers = sorted(number for number in kept.log if number > operation.after)
        items = tuple(kept.log[number] for number in numbers[: operation.limit])
        return ItemsFound(items, len(kept.log), kept.last_item)

    @_answer.register
    def _(self, operation: Drop) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        newest = None
        if operation.everything:
            kept.log.clear()
        elif kept.log:
            newest = kept.log.pop(max(kept.log))
        self._stamp(kept, slide=operation.slide)
        return Dropped(newest, kept.revision)

    @_answer.register
    def _(self, operation: KeepDraft) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        if operation.lease_token is not None and not self._holds(kept, operation.lease_token):
            return LeaseGone()
        kept.draft = operation.sealed
        return DraftKept()

    @_answer.register
    def _(self, operation: ReadDraft) -> Outcome:
        kept = self._sessions.get(operation.key)
        return Absent() if kept is None else DraftFound(kept.draft)

    @_answer.register
    def _(self, operation: Reseal) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        parts = 0
        for swap in operation.values:
            if kept.values.get(swap.tag) == swap.sealed:
                kept.values.pop(swap.tag)
                kept.values[swap.new_tag] = swap.resealed
                parts += 1
        for number, sealed, resealed in operation.items:
            if number in kept.log and kept.log[number].sealed == sealed:
                kept.log[number] = kept.log[number]._replace(sealed=resealed)
                parts += 1
        if operation.draft and kept.draft and kept.draft == operation.draft[0]:
            kept.draft = operation.draft[1]
            parts += 1
        if operation.user_tags and kept.user_tag == operation.user_tags[0]:
            kept.user_tag = operation.user_tags[1]
            parts += 1
        return Resealed(parts)

    @_answer.register
    def _(self, operation: Acquire) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        now = self._clock.boot()
        mine = self._holds(kept, operation.token)
        if not mine and kept.holder is not None and kept.held_until > now and not operation.steal:
            return Held(kept.held_until - now)
        if not mine:
            kept.fence = max(kept.fence + 1, self._clock.wall())
        kept.holder, kept.held_until = operation.token, now + operation.ttl
        return Granted(kept.fence, operation.ttl)

    @_answer.register
    def _(self, operation: Renew) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None:
            return Absent()
        if not self._holds(kept, operation.token):
            return LeaseGone()
        kept.held_until = self._clock.boot() + operation.ttl
        return Granted(kept.fence, operation.ttl)

    @_answer.register
    def _(self, operation: Release) -> Outcome:
        kept = self._sessions.get(operation.key)
        if kept is None or not self._holds(kept, operation.token):
            return Released(False)
        kept.holder = None
        return Released(True)

    @_answer.register
    def _(self, operation: Take) -> Outcome:
        """Keep what is saved up in the bucket, in microseconds of flow, and when that was."""
        now = self._clock.boot()
        full = operation.interval * operation.burst
        price = operation.interval * operation.cost
        saved, since = self._buckets.get(operation.key, (full, now))
        saved = min(full, saved + now - since)
        allowed = price <= saved
        left = min(full, saved - price) if allowed else saved
        self._buckets[operation.key] = left, now
        retry_after = 0 if allowed else price - saved
        return Allowance(allowed, left // operation.interval, retry_after, full - left)

    @_answer.register
    def _(self, operation: Count) -> Outcome:
        return Counted(len(self._of(operation.namespace)))

    @_answer.register
    def _(self, operation: List) -> Outcome:
        rows = [
            (name, kept.record())
            for name, kept in self._of(operation.namespace).items()
            if _matches(kept, operation.where)
            and (operation.after is None or (kept.created, name) > operation.after)
        ]
        return Listed(tuple(sorted(rows, key=lambda row: (row[1].created, row[0]))), None)

    def _of(self, namespace: str) -> dict[str, Kept]:
        keys = {key: key.split("/") for key in self._sessions}
        return {
            name: self._sessions[key] for key, (space, name) in keys.items() if space == namespace
        }

    def _holds(self, kept: Kept, token: str) -> bool:
        return kept.holder == token and kept.held_until > self._clock.boot()


def _begun(operation: Create, now: int) -> Kept:
    return Kept(
        incarnation=operation.incarnation, created=now, ttl=operation.ttl,
        cap=now + operation.max_age, user_tag=operation.user_tag,
        integers=dict(operation.integers), values=dict(operation.values),
        base=now, updated=now, active=now,
    )  # fmt: skip


def _disagreement(kept: Kept, incarnation: str | None, revision: int | None) -> Conflict | None:
    same = incarnation in {None, kept.incarnation} and revision in {None, kept.revision}
    return None if same else Conflict(kept.revision)


def _carry_out(kept: Kept, operation: Apply) -> Outcome | None:
    """Change the state, or say what is against it; what has been done until then is thrown away."""
    if operation.replace:
        if kept.user_tag not in operation.user_tags:
            return UserDiffers()
        kept.integers, kept.values = {}, {}
        kept.user_tag = operation.user_tags[0]
    kept.integers |= operation.put
    for name, delta, limit in operation.add:
        value = kept.integers.get(name, 0)
        kept.integers[name] = value + delta
        if value + delta < 0:
            return OverLimit(name, value, 0)
        if delta > 0 and value + delta > limit:
            return OverLimit(name, value, limit)
    for name in [name for name, value in kept.integers.items() if MEMBER in name and not value]:
        del kept.integers[name]
    return _raise_flags(kept, operation) or _set_values(kept, operation)


def _raise_flags(kept: Kept, operation: Apply) -> FlagUp | None:
    for flag in operation.claim:
        if kept.integers.get(flag):
            return FlagUp(flag)
        kept.integers[flag] = 1
    return None


def _set_values(kept: Kept, operation: Apply) -> TooLarge | None:
    for tag in operation.unset:
        kept.values.pop(tag, None)
    kept.values |= operation.set
    size = sum(len(value) for value in kept.values.values())
    if operation.set and size > operation.max_bytes:
        return TooLarge(size, operation.max_bytes)
    return None


def _matches(kept: Kept, where: Where) -> bool:
    return (
        (not where.user_tags or kept.user_tag in where.user_tags)
        and (where.created_from is None or kept.created >= where.created_from)
        and (where.created_to is None or kept.created <= where.created_to)
        and all(low <= kept.integers.get(name, 0) <= high for name, low, high in where.integers)
    )
