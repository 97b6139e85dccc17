"""The connection that reads: a batch sees one state of the file, no older than its questions."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import Final

from holdfast.backend import (
    Absent,
    Count,
    Counted,
    DraftFound,
    Found,
    ItemsFound,
    List,
    Listed,
    Operation,
    Outcome,
    Read,
    ReadDraft,
    ReadItems,
    Record,
    StoredItem,
)
from holdfast.backends.scan import ScanPage
from holdfast.backends.sqlite.batches import answer, answer_batch
from holdfast.backends.sqlite.rows import (
    DAMAGE,
    MINUTE,
    Columns,
    Finder,
    damaged,
    expired,
    listed_record_of,
    record_of,
)
from holdfast.backends.sqlite.statements import Statements
from holdfast.backends.sqlite.stretches import Stretch
from holdfast.backends.sqlite.transactions import reading
from holdfast.clock import Clock
from holdfast.coalescer import Answer

FIRST: Final = -(2**63)
LAST: Final = 2**63 - 1
OF_A_SESSION: Final = (Read, ReadItems, ReadDraft)
RECORDS_KEPT: Final = 4096
LARGEST_KEPT: Final = 1 << 14


class Reader:
    """Answers batches of questions."""

    def __init__(self, connection: sqlite3.Connection, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._statements = Statements()
        self._finder = Finder(connection, self._statements)
        self._rows: dict[str, Columns] = {}
        self._records: dict[str, tuple[Columns, Record]] = {}

    def run(self, operations: Sequence[Operation]) -> list[Answer]:
        """Answer a batch."""
        return answer_batch(self._transact, operations)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def events_after(self, number: int, *, limit: int) -> list[Columns]:
        """Give what happened after an event: number, key, kind and reason of each."""
        with reading(self._connection):
            return self._connection.execute(
                self._statements["read_events"], (number, limit)
            ).fetchall()

    def _transact(self, operations: Sequence[Operation]) -> list[Answer]:
        # First: a session that is extended meanwhile must not be measured by a later clock.
        now = self._clock.wall()
        with reading(self._connection):
            keys = {op.key for op in operations if isinstance(op, OF_A_SESSION)}
            self._rows = {columns[1]: columns for columns in self._finder.find(list(keys))}
            return [answer(partial(self._run, now), operation) for operation in operations]

    def _run(self, now: int, operation: Operation) -> Outcome:
        match operation:
            case Read():
                return self._read(operation, now)
            case ReadItems():
                return self._read_items(operation, now)
            case ReadDraft():
                return self._read_draft(operation, now)
            case List():
                return self._list(operation, now)
            case Count():
                return self._count(operation, now)
            case _:
                raise TypeError(f"{type(operation).__name__} is not an operation that reads")

    def _read(self, operation: Read, now: int) -> Found | Absent:
        columns = self._rows.get(operation.key)
        if columns is None or expired(columns, now):
            self._records.pop(operation.key, None)
            return Absent()
        return Found(self._record(operation.key, columns))

    def _record(self, key: str, columns: Columns) -> Record:
        """Give the same record again for a row that has not moved: it is not opened anew then."""
        known = self._records.get(key)
        if known is not None and known[0] == columns:
            return known[1]
        self._records.pop(key, None)
        record = record_of(columns)
        if len(columns[17]) <= LARGEST_KEPT:
            self._records[key] = columns, record
            if len(self._records) > RECORDS_KEPT:
                del self._records[next(iter(self._records))]
        return record

    def _read_items(self, operation: ReadItems, now: int) -> ItemsFound | Absent:
        columns = self._rows.get(operation.key)
        if columns is None or expired(columns, now):
            return Absent()
        items = tuple(islice(self._items(columns, operation), operation.limit))
        return ItemsFound(items, length=columns[14], last_item=columns[15])

    def _items(self, columns: Columns, operation: ReadItems) -> Iterator[StoredItem]:
        found = self._connection.execute(
            self._statements["read_log"], (columns[0], operation.after, operation.limit)
        )
        for row in found:
            stretch = Stretch._make(row)
            try:
                items = stretch.items()
            except DAMAGE as exc:
                raise damaged(columns[1]) from exc
            if stretch.last - operation.after < len(items):
                items = items[operation.after - stretch.last :]
            yield from items

    def _read_draft(self, operation: ReadDraft, now: int) -> DraftFound | Absent:
        columns = self._rows.get(operation.key)
        if columns is None or expired(columns, now):
            return Absent()
        found = self._connection.execute(self._statements["read_draft"], columns[:1]).fetchone()
        return DraftFound(b"" if found is None else found[0])

    def _list(self, operation: List, now: int) -> Listed:
        page = ScanPage(operation, now=now)
        for columns in self._walk(operation):
            if not page.offer(columns[1].partition("/")[2], listed_record_of(columns)):
                break
        return page.listed()

    def _walk(self, operation: List) -> Iterator[Columns]:
        """Go through the sessions that come into question, in the order of creation."""
        where = operation.where
        created, session_id = operation.after or (where.created_from or FIRST, "")
        bounds = {
            "namespace": operation.namespace,
            "created": created,
            "key": f"{operation.namespace}/{session_id}",
            "created_to": LAST if where.created_to is None else where.created_to,
        }
        if not all(where.user_tags) or not where.user_tags:
            return self._connection.execute(self._statements["list_sessions"], bounds)
        sql = self._statements["list_user_sessions"]
        of_users = [
            self._connection.execute(sql, {**bounds, "user_tag": tag})
            for tag in dict.fromkeys(where.user_tags)
        ]
        return merge(*of_users, key=lambda columns: (columns[7], columns[1]))

    def _count(self, operation: Count, now: int) -> Counted:
        bounds = {"namespace": operation.namespace, "minute": now // MINUTE, "now": now}
        return Counted(
            self._connection.execute(self._statements["count_sessions"], bounds).fetchone()[0]
        )
