"""The mark of a store: which format it is in, and over how many buckets it is spread."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.refusals import FAULT, refusal_of, unavailable
from holdfast.backends.redis.resp import encode
from holdfast.errors import InvalidStore

KEY: Final = b"hf:{0}:meta"
FORMAT: Final = 2


async def ensure(send: Callable[[Command], Awaitable[Reply]], buckets: int, location: str) -> None:
    """Look for the mark, and leave it in a store that has none.

    Raises:
        InvalidStore: it is of another format, has another number of buckets, or is no mark.
        StoreUnavailable: the store can neither show nor take it now.
    """
    mark = b"format=%d buckets=%d" % (FORMAT, buckets)
    try:
        found = await send(Command(encode(b"GET", KEY)))
        if found is None:
            found = await send(Command(encode(b"SET", KEY, mark, b"NX", b"GET")))
    except Refused as refused:
        if refusal_of(refused) is FAULT:
            raise InvalidStore(location, f"it answered {refused}") from refused
        raise unavailable(refused) from refused
    check(found or mark, buckets, location)


def check(found: Reply, buckets: int, location: str) -> None:
    """Compare a mark with what this program makes.

    Raises:
        InvalidStore: it is of another format, or has another number of buckets.
    """
    matched = re.fullmatch(rb"format=(\d{1,9}) buckets=(\d{1,9})", found)
    if matched is None:
        raise InvalidStore(location, f"its key {KEY.decode()} was not written by Holdfast")
    form, number = map(int, matched.groups())
    if form > FORMAT:
        reason = f"it is in format {form}, and this release knows up to {FORMAT}; upgrade"
        raise InvalidStore(location, reason)
    if form < FORMAT:
        reason = f"it is in format {form}, which no release has had, and this one reads {FORMAT}"
        raise InvalidStore(location, f"{reason}; begin with an empty one")
    if number != buckets:
        reason = f"it has {number} buckets and was opened as one of {buckets}: a single node"
        raise InvalidStore(location, f"{reason} has 1, a cluster 256")
