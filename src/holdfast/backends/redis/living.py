"""The life of a session: it is created, touched, loses items, is deleted."""

from contextlib import suppress
from itertools import chain
from typing import Final

from holdfast.backend import (
    Absent,
    Conflict,
    Create,
    Created,
    Delete,
    Deleted,
    Drop,
    Dropped,
    Existing,
    Found,
    Record,
    Touch,
)
from holdfast.backends import rules
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.packing import (
    Damaged,
    escaped,
    pack_identity,
    pack_life,
    unpack_flat,
    unpack_item,
)
from holdfast.backends.redis.scripts import script
from holdfast.backends.redis.users import Users
from holdfast.errors import StoreUnavailable

CREATED: Final = 1
CONFLICT: Final = 2


class Living:
    """Brings sessions into being and ends them."""

    def __init__(self, caller: Caller, users: Users) -> None:
        self._caller = caller
        self._users = users

    async def create(self, operation: Create) -> Created | Existing:
        """Create a session; where its user's index is in another slot, that comes first."""
        caller = self._caller
        place = caller.place(operation.key)
        kinds = b"siopqltcxdr"
        keys = [place.key(kinds[at : at + 1]) for at in range(len(kinds))]
        keys += await self._users.prepare(place, operation.user_tag, operation.max_age)
        status, answer = await caller.call_bucket(
            place.bucket, script("create"), keys, _state(operation)
        )
        if status == CREATED:
            return Created(rules.create(operation, now=int(answer)))
        record = _record(answer)
        if record.incarnation == operation.incarnation:
            return Created(rules.create(operation, now=record.created))
        return Existing(record)

    async def touch(self, operation: Touch) -> Found | Absent:
        """Record activity."""
        ttl = -1 if operation.ttl is None else operation.ttl
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(
            place, script("touch"), b"stcx", (b"%d" % operation.slide, b"%d" % ttl)
        )
        return Found(_record(answer[0])) if status else Absent()

    async def drop(self, operation: Drop) -> Dropped | Absent:
        """Remove the newest item, or all."""
        terms = b"%d" % operation.everything, b"%d" % operation.slide
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("drop"), b"sitcx", terms)
        if not status:
            return Absent()
        revision, item = answer
        return Dropped(None if item is None else unpack_item(item), revision)

    async def delete(self, operation: Delete) -> Deleted | Conflict:
        """End a session."""
        revision = -1 if operation.expect_revision is None else operation.expect_revision
        terms = [operation.change_id.encode(), b"%d" % revision]
        if operation.expect_incarnation is not None:
            terms.append(pack_life(operation.expect_incarnation))
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("delete"), b"siopqltcxdr", terms)
        if status == CONFLICT:
            return Conflict(answer[0])
        if status and answer[0]:
            # It is deleted; an index that still names it is looked behind when it is read.
            with suppress(StoreUnavailable):
                await self._users.remove(place, *answer)
        return Deleted(bool(status))


def _state(operation: Create) -> list[bytes]:
    size = sum(map(len, operation.values.values()))
    pairs = ((escaped(tag), sealed) for tag, sealed in operation.values.items())
    return [
        pack_life(operation.incarnation),
        b"%d" % operation.ttl,
        b"%d" % operation.max_age,
        b"%d" % size,
        b"%d" % operation.minted,
        pack_identity(operation),
        *chain.from_iterable(pairs),
    ]


def _record(fields: list[bytes]) -> Record:
    record = unpack_flat(fields)
    if record is None:
        raise Damaged
    return record
