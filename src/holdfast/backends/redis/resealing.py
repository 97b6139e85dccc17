"""Ciphertext is put in the place of other ciphertext; nobody is told, for nothing changes."""

from collections.abc import Iterator
from struct import Struct

from holdfast.backend import Absent, Reseal, Resealed
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.packing import escaped, unpack_fields
from holdfast.backends.redis.scripts import script
from holdfast.backends.redis.users import Users

_COUNTS = Struct("<IIBB")


class Resealing:
    """Exchanges values, items, drafts and tags of users."""

    def __init__(self, caller: Caller, users: Users) -> None:
        self._caller = caller
        self._users = users

    async def reseal(self, operation: Reseal) -> Resealed | Absent:
        """Exchange what is still what it was."""
        if operation.user_tags is not None:
            await self._index(operation.key, *operation.user_tags)
        place = self._caller.place(operation.key)
        status, *parts = await self._caller.call(
            place, script("reseal"), b"sir", tuple(_arguments(operation))
        )
        return Resealed(parts[0]) if status else Absent()

    async def _index(self, key: str, before: bytes, after: bytes) -> None:
        """Have the index under the new tag name the session before it has that tag."""
        place = self._caller.place(key)
        record = unpack_fields(await self._caller.send(place.bucket, place.look))
        if record is not None and after and record.user_tag == before:
            age = record.cap - record.created
            await self._users.put(place, after, age, created=record.created)


def _arguments(operation: Reseal) -> Iterator[bytes]:
    yield _COUNTS.pack(
        len(operation.values),
        len(operation.items),
        operation.draft is not None,
        operation.user_tags is not None,
    )
    for tag, sealed, new_tag, resealed in operation.values:
        yield from (escaped(tag), sealed, escaped(new_tag), resealed)
    for number, sealed, resealed in operation.items:
        yield from (b"%d" % number, sealed, resealed)
    yield from operation.draft or ()
    yield from operation.user_tags or ()
