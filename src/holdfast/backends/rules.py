"""The rules of an operation as pure functions: a record goes in, the next record comes out.

Backends that can compute in Python (memory, SQLite) keep what these return; those that cannot
(Lua, SQL) restate them, and the conformance suite holds all to the same answers.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from holdfast.backend import (
    MEMBER,
    Add,
    Apply,
    Changed,
    ChangeIdReused,
    Conflict,
    Create,
    FlagUp,
    Forgotten,
    Granted,
    Held,
    LeaseGone,
    Outcome,
    OverLimit,
    Record,
    Reseal,
    StoredItem,
    TooLarge,
    Touch,
    UserDiffers,
)

REMEMBERED_CHANGES = 256
Refusal = Conflict | OverLimit | FlagUp | TooLarge | UserDiffers


class HasRecord(Protocol):
    """A session as a backend keeps it."""

    record: Record


Kept = TypeVar("Kept", bound=HasRecord)


class Lease(NamedTuple):
    """Who holds a session, in microseconds of the boot clock. `token` is "" when nobody does."""

    token: str = ""
    until: int = 0
    ttl: int = 0
    fence: int = 0

    def remaining(self, now: int) -> int:
        """Say how long it is still held; an end further off than `ttl` is from before a boot."""
        left = self.until - now
        return left if self.token and 0 < left <= self.ttl else 0

    def held_by(self, token: str, now: int) -> bool:
        """Say whether `token` holds it now."""
        return self.token == token and self.remaining(now) > 0


def create(operation: Create, *, now: int) -> Record:
    """Make the record of a new session."""
    return Record(
        incarnation=operation.incarnation,
        revision=1,
        created=now,
        updated=now,
        active=now,
        base=now,
        ttl=operation.ttl,
        cap=now + operation.max_age,
        user_tag=operation.user_tag,
        integers=operation.integers,
        values=operation.values,
    )


def settled(
    kept: Kept,
    operation: Apply,
    known: tuple[bytes, Changed] | None,
    forgotten: Callable[[Kept], int],
    holds: Callable[[Kept, str], bool],
) -> Outcome | None:
    """Answer a change that is not to be applied, in the order of the contract; None when it is.

    `known` is what the session remembers of it, `forgotten` gives a revision after which it
    remembers everything, `holds` says whether the session's lease is a token's.
    """
    if known is not None:
        digest, answer = known
        return answer if operation.repeats(digest) else ChangeIdReused()
    if operation.repeated:
        earlier = operation.known_incarnation not in {None, kept.record.incarnation}
        if earlier or operation.known_revision < forgotten(kept):
            return Forgotten()
    if operation.lease_token is not None and not holds(kept, operation.lease_token):
        return LeaseGone()
    return refuse(kept.record, operation)


def refuse(record: Record, operation: Apply) -> Refusal | None:
    """Say why the change cannot be applied; None when it can."""
    if conflict := disagree(record, operation.expect_incarnation, operation.expect_revision):
        return conflict
    if operation.replace and record.user_tag not in operation.user_tags:
        return UserDiffers()
    for add in operation.add:
        if over := _over_limit(record, operation, add):
            return over
    for flag in operation.claim:
        if record.integers.get(flag) and not operation.replace:
            return FlagUp(flag)
    return _too_large(record, operation) if operation.set else None


def disagree(record: Record, incarnation: str | None, revision: int | None) -> Conflict | None:
    """Say whether the session is not the one, or not at the revision, that was expected."""
    if incarnation is not None and incarnation != record.incarnation:
        return Conflict(record.revision)
    if revision is not None and revision != record.revision:
        return Conflict(record.revision)
    return None


def _over_limit(record: Record, operation: Apply, add: Add) -> OverLimit | None:
    value = operation.put.get(add.name, record.integers.get(add.name, 0))
    if value + add.delta < 0:
        return OverLimit(add.name, value, 0)
    if add.delta > 0 and value + add.delta > add.limit:
        return OverLimit(add.name, value, add.limit)
    return None


def _too_large(record: Record, operation: Apply) -> TooLarge | None:
    size = sum(map(len, record.values.values())) + sum(map(len, operation.set.values()))
    if size <= operation.max_bytes:
        return None
    size = sum(map(len, _values(record, operation).values()))
    return TooLarge(size, operation.max_bytes) if size > operation.max_bytes else None


def _values(record: Record, operation: Apply) -> Mapping[bytes, bytes]:
    if operation.replace:
        return operation.set
    if not operation.set and not operation.unset:
        return record.values
    values = dict(record.values)
    for tag in operation.unset:
        values.pop(tag, None)
    values.update(operation.set)
    return values


def _integers(record: Record, operation: Apply) -> Mapping[str, int]:
    if operation.replace:
        return operation.put
    if not (operation.put or operation.add or operation.claim):
        return record.integers
    integers = {**record.integers, **operation.put}
    for name, value in operation.put.items():
        if not value and MEMBER in name:
            del integers[name]
    for add in operation.add:
        value = integers.get(add.name, 0) + add.delta
        if value or MEMBER not in add.name:
            integers[add.name] = value
        else:
            integers.pop(add.name, None)
    for flag in operation.claim:
        integers[flag] = 1
    return integers


def apply(record: Record, operation: Apply, *, now: int) -> tuple[Record, Changed]:
    """Apply a change that is not settled without it."""
    appended = len(operation.append)
    moves = operation.slide or operation.ttl is not None
    updated = max(now, record.created)
    after = Record(
        record.incarnation,
        record.revision + 1,
        record.created,
        updated,
        updated,
        now if moves else record.base,
        record.ttl if operation.ttl is None else operation.ttl,
        record.cap,
        operation.user_tags[0] if operation.replace else record.user_tag,
        _integers(record, operation),
        _values(record, operation),
        min(record.length + appended, max(operation.max_items, 0)) if appended else record.length,
        record.last_item + appended,
    )
    first = record.last_item + 1 if appended else None
    return after, Changed(after.incarnation, after.revision, after.integers, first, after.last_item)


def appended(before: Record, operation: Apply, *, now: int) -> list[StoredItem]:
    """Number the items of a change that is applied to `before`."""
    return [
        StoredItem(before.last_item + place, now, f"{operation.change_id}:{place}", sealed)
        for place, sealed in enumerate(operation.append, start=1)
    ]


def touch(record: Record, operation: Touch, *, now: int) -> Record:
    """Record activity, and start the idle time again where the operation says so."""
    moves = operation.slide or operation.ttl is not None
    return record._replace(
        active=now,
        base=now if moves else record.base,
        ttl=record.ttl if operation.ttl is None else operation.ttl,
    )


def drop(record: Record, *, length: int, slide: bool, now: int) -> Record:
    """Go on to the next revision with a log that is `length` items long."""
    base = now if slide else record.base
    return record._replace(
        revision=record.revision + 1, updated=now, active=now, base=base, length=length
    )


def reseal(record: Record, operation: Reseal) -> tuple[Record, int]:
    """Exchange the values that are what they are said to be, and the user's tag; count them."""
    values, parts = dict(record.values), 0
    for tag, sealed, new_tag, resealed in operation.values:
        if values.get(tag) == sealed:
            del values[tag]
            values[new_tag] = resealed
            parts += 1
    user_tag = record.user_tag
    if operation.user_tags is not None and operation.user_tags[0] == user_tag:
        user_tag = operation.user_tags[1]
        parts += 1
    return (record._replace(user_tag=user_tag, values=values) if parts else record), parts


def resealed_items(items: Iterable[StoredItem], operation: Reseal) -> dict[int, StoredItem]:
    """Exchange the items that are what they are said to be; give them by their numbers."""
    swaps = {swap.number: swap for swap in operation.items}
    return {
        item.number: item._replace(sealed=swap.resealed)
        for item in items
        if (swap := swaps.get(item.number)) is not None and swap.sealed == item.sealed
    }


def acquire(
    lease: Lease, *, token: str, ttl: int, steal: bool, now: int, wall: int
) -> tuple[Lease, Granted | Held]:
    """Give the lease to `token` if it is free, its own already, or to be stolen."""
    if lease.held_by(token, now):
        renewed = lease._replace(until=now + ttl, ttl=ttl)
        return renewed, Granted(lease.fence, ttl)
    left = lease.remaining(now)
    if left and not steal:
        return lease, Held(left)
    fence = max(lease.fence + 1, wall)
    return Lease(token, now + ttl, ttl, fence), Granted(fence, ttl)
