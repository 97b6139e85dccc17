"""Sessions as rows: how they are found, and how a row and a record become each other."""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.backend import Record
from holdfast.backends.rules import Lease
from holdfast.backends.sqlite.packing import (
    pack_integers,
    pack_values,
    unpack_integers,
    unpack_values,
)
from holdfast.backends.sqlite.statements import Statements
from holdfast.backends.sqlite.stretches import Stretch
from holdfast.errors import DecryptionFailed

MINUTE: Final = 60_000_000
# Keys in one statement. A few sizes, so that all of them stay prepared; unused places are NULL.
SIZES: Final = (1, 4, 16, 64, 256)

# What taking a damaged row apart brings about.
DAMAGE: Final = (struct.error, TypeError, ValueError, RecursionError)
# No ciphertext is as short as this: what holds it is never opened, and never taken for empty.
UNREADABLE: Final[Mapping[bytes, bytes]] = {b"": b""}

Columns = tuple[Any, ...]


class Row:
    """One session while a batch works on it, with what is to be written at the batch's end.

    `minute` is where the file counts its deadline, None while the file does not know the session;
    `user_tag` is how the file knows its user.
    `surplus` says how many of the oldest items have to go; `lease` is None until it was looked up;
    `values` are those in the file (the record's own, unless they have changed), `size` is that of
    them in bytes when packed. All that can be done with a `damaged` one is to remove it.
    """

    __slots__ = (
        "changes",
        "damaged",
        "id",
        "key",
        "lease",
        "minute",
        "record",
        "remembered",
        "size",
        "stretches",
        "surplus",
        "user_tag",
        "values",
    )

    def __init__(self, number: int, key: str, record: Record) -> None:
        self.id = number
        self.key = key
        self.record = record
        self.user_tag = record.user_tag
        self.minute: int | None = None
        self.damaged = False
        self.remembered = 0
        self.size = 0
        self.values: Mapping[bytes, bytes] = record.values
        self.stretches: list[Stretch] = []
        self.surplus = 0
        self.changes: dict[str, Columns] = {}
        self.lease: Lease | None = None

    @property
    def namespace(self) -> str:
        """The part of the key before the slash."""
        return self.key.partition("/")[0]


def row_of(columns: Columns) -> Row:
    """Make a row of what `read_sessions` gives, damaged or not."""
    record = listed_record_of(columns)
    row = Row(columns[0], columns[1], record)
    row.minute = columns[3]
    if record.values is UNREADABLE:
        row.damaged = True
        return row
    row.remembered = columns[4]
    row.size = len(columns[17])
    return row


def record_of(columns: Columns) -> Record:
    """Make a record of what `read_sessions` gives.

    Raises:
        DecryptionFailed: the row is damaged.
    """
    try:
        integers, values = unpack_integers(str(columns[16], "utf-8")), unpack_values(columns[17])
    except DAMAGE as exc:
        raise damaged(columns[1]) from exc
    return Record._make((*columns[5:14], integers, values, columns[14], columns[15]))


def listed_record_of(columns: Columns) -> Record:
    """Make a record also of a damaged row: one that has its place, and that nobody can open."""
    try:
        return record_of(columns)
    except DecryptionFailed:
        return Record._make((*columns[5:14], {}, UNREADABLE, columns[14], columns[15]))


def expired(columns: Columns, now: int) -> bool:
    """Say whether the deadline of what `read_sessions` gives is past, without taking it apart."""
    base, ttl, cap = columns[10:13]
    return bool(min(base + ttl, cap) <= now)


def damaged(key: str) -> DecryptionFailed:
    """Say of a session that its row cannot be taken apart."""
    return DecryptionFailed(key.partition("/")[2], reason="its row is damaged")


def columns_of(row: Row, minute: int) -> Columns:
    """Give what `insert_session` takes."""
    record = row.record
    sealed = pack_values(record.values)
    row.size = len(sealed)
    row.values = record.values
    return (
        row.id,
        row.key,
        row.namespace,
        minute,
        row.remembered,
        *record[:9],
        record.length,
        record.last_item,
        pack_integers(record.integers),
        sealed,
    )


def changes_of(row: Row) -> Columns:
    """Give what `update_session` takes."""
    sealed = pack_values(row.record.values)
    row.size = len(sealed)
    row.values = row.record.values
    return sealed, *advances_of(row)


def advances_of(row: Row) -> Columns:
    """Give what `advance_session` takes."""
    record = row.record
    return (
        row.remembered,
        record.revision,
        record.updated,
        record.active,
        record.base,
        record.ttl,
        record.length,
        record.last_item,
        pack_integers(record.integers),
        row.id,
    )


class Finder:
    """Finds sessions by their keys, many at a time."""

    def __init__(self, connection: sqlite3.Connection, statements: Statements) -> None:
        self._connection = connection
        template = statements["read_sessions"]
        self._by_size = {size: template.replace("{keys}", ", ".join("?" * size)) for size in SIZES}

    def find(self, keys: Sequence[str]) -> list[Columns]:
        """Give the columns of those that there are."""
        found: list[Columns] = []
        for start in range(0, len(keys), SIZES[-1]):
            found += self._find(keys[start : start + SIZES[-1]])
        return found

    def _find(self, keys: Sequence[str]) -> list[Columns]:
        size = next(size for size in SIZES if size >= len(keys))
        places = (*keys, *(None,) * (size - len(keys)))
        return self._connection.execute(self._by_size[size], places).fetchall()
