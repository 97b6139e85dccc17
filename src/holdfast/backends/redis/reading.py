"""Reads: one plain command each; a session that did not change is not taken apart again."""

from collections import OrderedDict
from typing import Final

from holdfast.backend import Absent, Found, ItemsFound, Read, ReadItems
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.damage import unusable
from holdfast.backends.redis.link import Refused
from holdfast.backends.redis.packing import META, Damaged, unpack_item, unpack_record
from holdfast.backends.redis.scripts import script

REPLIES_KEPT: Final = 4096
# In bytes of sealed values.
LARGEST_KEPT: Final = 1 << 14


class Reading:
    """Reads sessions and logs; what came last for a session is kept, and the record made of it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._kept: OrderedDict[str, tuple[bytes, dict[bytes, bytes], Found]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def forget(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    async def read(self, operation: Read) -> Found | Absent:
        """Read a session; the same record again when nothing in it changed."""
        name = operation.key
        place = self._caller.place(name)
        command = place.tracked if operation.tracked else place.look
        link = self._caller.link
        try:
            try:
                fields = await link.send(place.bucket, command)
            except Refused as refused:
                fields = await link.recover(place.bucket, command, refused)
            return self._found(name, fields)
        except (Refused, Damaged) as fault:
            raise unusable(operation, fault) from fault

    def _found(self, name: str, fields: dict[bytes, bytes]) -> Found | Absent:
        meta = fields.pop(META, None)
        if meta is None:
            self._kept.pop(name, None)
            return Absent()
        kept = self._kept.get(name)
        if kept is not None and kept[0] == meta and kept[1] == fields:
            self._kept.move_to_end(name)
            return kept[2]
        found = Found(unpack_record(meta, fields))
        self._keep(name, meta, fields, found)
        return found

    def _keep(self, name: str, meta: bytes, fields: dict[bytes, bytes], found: Found) -> None:
        kept = self._kept
        if name not in kept and len(kept) >= REPLIES_KEPT:
            kept.popitem(last=False)
        if sum(map(len, fields.values())) <= LARGEST_KEPT:
            kept[name] = meta, fields, found
            kept.move_to_end(name)
        else:
            kept.pop(name, None)

    async def read_items(self, operation: ReadItems) -> ItemsFound | Absent:
        """Read a stretch of the log."""
        terms = b"%d" % operation.after, b"%d" % operation.limit
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("items"), b"si", terms)
        if not status:
            return Absent()
        meta, items = answer
        record = unpack_record(meta, {})
        return ItemsFound(tuple(map(unpack_item, items)), record.length, record.last_item)
