"""Which sessions a user has: an index that may name more than there are, checked on every read.

It names every session of the user, for it is written before the session where the two are in
different slots, and with it otherwise.
"""

from holdfast.backends.redis.calling import Caller, Place
from holdfast.backends.redis.indices import Part
from holdfast.backends.redis.keys import USER, bucket_of, key
from holdfast.backends.redis.scripts import script


class Users:
    """The indices of users; see lua/index.lua."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def index(self, namespace: bytes, user_tag: bytes) -> Part:
        """Say where the index of a user is."""
        name = namespace + b"/" + user_tag.hex().encode()
        bucket = bucket_of(name, self._caller.buckets)
        return Part(bucket, (key(bucket, USER, name),), script("page"))

    async def prepare(self, place: Place, user_tag: bytes, age: int) -> tuple[bytes, ...]:
        """Give the keys that the creation of a session writes itself, or write them now."""
        if not user_tag:
            return ()
        index = self.index(place.namespace, user_tag)
        if self._caller.buckets == 1:
            return index.keys
        await self.put(place, user_tag, age)
        return ()

    async def put(self, place: Place, user_tag: bytes, age: int, *, created: int = 0) -> None:
        """Name a session in the index; one without `created` is created now."""
        index = self.index(place.namespace, user_tag)
        terms = place.session_id, b"%d" % age, b"%d" % created
        await self._caller.call_bucket(index.bucket, script("index"), index.keys, terms)

    async def remove(self, place: Place, user_tag: bytes, created: bytes) -> None:
        """Take a session that has ended out; on several buckets it goes when it could have ended.

        There its place in the index is not known, and it may have begun again meanwhile.
        """
        if self._caller.buckets == 1:
            index = self.index(place.namespace, user_tag)
            terms = place.session_id, created
            await self._caller.call_bucket(index.bucket, script("unindex"), index.keys, terms)
