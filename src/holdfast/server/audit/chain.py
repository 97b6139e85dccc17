"""The chain of the trail: every row is bound to its content, to its place, and to a secret key.

    hash = HMAC-SHA256(key, previous hash | time | event | … | facts | key id)

with each part length-prefixed. Who can write to the database but has no key can neither alter a row
nor put one in, and who takes one out breaks the link of the next one. What is cut off at the end
leaves no mark in the chain; the anchor tells of it (`anchor.py`).
"""

import hmac
import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from holdfast.clock import Clock
from holdfast.keyring import Keyring, RootKey, framed
from holdfast.moments import moment

# What the first row is linked to.
GENESIS: Final = "0" * 64

Fact = str | int | float | bool | None


class Entry(NamedTuple):
    """What happened; ids are pseudonyms already, `facts` is canonical JSON."""

    at: str
    event: str
    outcome: str
    actor: str | None
    session: str | None
    network: str | None
    request: str | None
    facts: str


class Row(NamedTuple):
    """An entry at its place."""

    number: int
    entry: Entry
    key_id: str
    previous: str
    hash: str


class Head(NamedTuple):
    """How many rows there are, and the hash of the last one."""

    rows: int
    hash: str

    def __str__(self) -> str:
        return f"{self.rows}:{self.hash}"


EMPTY: Final = Head(0, GENESIS)


def written(facts: Mapping[str, Fact]) -> str:
    """Write facts in the one form that a set of facts has."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def written_time(clock: Clock) -> str:
    """Write the time in the one form that a time has: UTC, to the microsecond."""
    return moment(clock.wall()).isoformat(timespec="microseconds")


class Chain:
    """Links rows with the primary key of a keyring, and checks those of all its keys."""

    def __init__(self, keys: Keyring, *, namespace: str) -> None:
        self._keys = keys
        self._namespace = namespace

    def link(self, entry: Entry, head: Head) -> Row:
        """Put an entry behind the head."""
        key = self._keys.primary
        digest = self._digest(key, entry, head.hash)
        return Row(head.rows + 1, entry, key.key_id, head.hash, digest)

    def holds(self, row: Row) -> bool | None:
        """Say whether the row is what was written, wherever it stands; None without its key."""
        key = self._keys.find(row.key_id)
        if key is None:
            return None
        digest = self._digest(key, row.entry, row.previous)
        return hmac.compare_digest(digest.encode(), row.hash.encode())

    def _digest(self, key: RootKey, entry: Entry, previous: str) -> str:
        subkey = key.derive("audit", self._namespace)
        parts = (previous, *entry, key.key_id)
        return hmac.digest(subkey, b"".join(map(_framed, parts)), "sha256").hex()


def _framed(part: str | None) -> bytes:
    """Frame a part; nothing at all is told apart from an empty one."""
    return b"\x00" if part is None else b"\x01" + framed(part.encode())
