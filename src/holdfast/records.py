"""What backends keep: integers that they can add, and ciphertext that they cannot read."""

from collections.abc import Mapping
from typing import NamedTuple


class Record(NamedTuple):
    """What a backend keeps of one session.

    `base` is where the idle time starts to count, `cap` the end that nothing can move. `length` is
    the number of items in the log, `last_item` the highest number ever given to one.
    """

    incarnation: str
    revision: int
    created: int
    updated: int
    active: int
    base: int
    ttl: int
    cap: int
    user_tag: bytes
    integers: Mapping[str, int]
    values: Mapping[bytes, bytes]
    length: int = 0
    last_item: int = 0

    @property
    def expires(self) -> int:
        """The first microsecond at which the session is absent."""
        return min(self.base + self.ttl, self.cap)


class StoredItem(NamedTuple):
    """One sealed entry of a log. `origin` is the change id and the place in that change."""

    number: int
    at: int
    origin: str
    sealed: bytes
