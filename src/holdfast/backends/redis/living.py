"""The life of a session: it is created, touched, loses items, is deleted."""

from collections.abc import Sequence
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
from holdfast.backends.redis.calling import Caller, Place
from holdfast.backends.redis.keys import USER, bucket_of, key
from holdfast.backends.redis.packing import escaped, pack_identity, unpack_flat, unpack_item
from holdfast.backends.redis.scripts import script

CREATED: Final = 1
CONFLICT: Final = 2


class Living:
    """Brings sessions into being and ends them."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def create(self, operation: Create) -> Created | Existing:
        """Create a session; where its user's index is in another slot, that comes first."""
        caller = self._caller
        place = caller.place(operation.key)
        kinds = b"siopqlxcdr"
        keys = [place.key(kinds[at : at + 1]) for at in range(len(kinds))]
        if operation.user_tag:
            keys += await self._index(place, operation)
        status, answer = await caller.call_bucket(
            place.bucket, script("create"), keys, _state(operation)
        )
        if status == CREATED:
            return Created(rules.create(operation, now=int(answer)))
        record = _record(answer)
        if record.incarnation == operation.incarnation:
            return Created(rules.create(operation, now=record.created))
        return Existing(record)

    async def _index(self, place: Place, operation: Create) -> Sequence[bytes]:
        """Give the key of the user's index to the script, or write it now."""
        bucket, index = user_index(place.namespace, operation.user_tag, self._caller.buckets)
        if self._caller.buckets == 1:
            return (index,)
        terms = place.session_id, b"%d" % operation.max_age
        await self._caller.call_bucket(bucket, script("index"), (index,), terms)
        return ()

    async def touch(self, operation: Touch) -> Found | Absent:
        """Record activity."""
        ttl = -1 if operation.ttl is None else operation.ttl
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(
            place, script("touch"), b"sx", (b"%d" % operation.slide, b"%d" % ttl)
        )
        return Found(_record(answer[0])) if status else Absent()

    async def drop(self, operation: Drop) -> Dropped | Absent:
        """Remove the newest item, or all."""
        terms = b"%d" % operation.everything, b"%d" % operation.slide
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("drop"), b"six", terms)
        if not status:
            return Absent()
        revision, item = answer
        return Dropped(None if item is None else unpack_item(item), revision)

    async def delete(self, operation: Delete) -> Deleted | Conflict:
        """End a session."""
        revision = -1 if operation.expect_revision is None else operation.expect_revision
        terms = [operation.change_id.encode(), b"%d" % revision]
        if operation.expect_incarnation is not None:
            terms.append(operation.expect_incarnation.encode())
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("delete"), b"siopqldxcr", terms)
        if status == CONFLICT:
            return Conflict(answer[0])
        if status and answer[0]:
            await self._take_from_index(place, *answer)
        return Deleted(bool(status))

    async def _take_from_index(self, place: Place, user_tag: bytes, created: bytes) -> None:
        """Take an ended session out of its user's index; what is read there is checked anyway."""
        if self._caller.buckets == 1:
            bucket, index = user_index(place.namespace, user_tag, 1)
            terms = place.session_id, created
            await self._caller.call_bucket(bucket, script("unindex"), (index,), terms)


def user_index(namespace: bytes, user_tag: bytes, buckets: int) -> tuple[int, bytes]:
    """Name the index of a user's sessions, and say in which bucket it is."""
    name = namespace + b"/" + user_tag.hex().encode()
    bucket = bucket_of(name, buckets)
    return bucket, key(bucket, USER, name)


def _state(operation: Create) -> list[bytes]:
    size = sum(map(len, operation.values.values()))
    pairs = ((escaped(tag), sealed) for tag, sealed in operation.values.items())
    return [
        operation.incarnation.encode(),
        b"%d" % operation.ttl,
        b"%d" % operation.max_age,
        b"%d" % size,
        pack_identity(operation),
        *chain.from_iterable(pairs),
    ]


def _record(fields: list[bytes]) -> Record:
    record = unpack_flat(fields)
    if record is None:
        raise ValueError("A session was found that is none")
    return record
