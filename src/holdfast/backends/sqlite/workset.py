"""What a batch works on: rows are read once, changed in Python, written once at the end."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from holdfast.backend import Changed, Record, Reseal, StoredItem
from holdfast.backends.rules import REMEMBERED_CHANGES, Lease, resealed_items
from holdfast.backends.sqlite.packing import pack_integers, unpack_integers
from holdfast.backends.sqlite.rows import (
    DAMAGE,
    MINUTE,
    Columns,
    Finder,
    Row,
    advances_of,
    changes_of,
    columns_of,
    damaged,
    row_of,
)
from holdfast.backends.sqlite.statements import Statements
from holdfast.backends.sqlite.stretches import Stretch, rest, without_oldest


class Workset:
    """The sessions that one transaction looks at and changes.

    Operations of a batch see what earlier ones did, for they work on the same rows. Only `flush`
    writes sessions; what has an order of its own in the file (a removed item) is written at once.
    `known` holds rows that are in the file as they are here, and keeps those that were looked at.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        statements: Statements,
        finder: Finder,
        known: dict[str, Row],
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._finder = finder
        self._rows = known
        self._dirty: dict[int, Row] = {}
        self._leased: dict[int, Row] = {}
        self._drafts: dict[int, bytes] = {}
        self._doomed: list[Row] = []
        self._last_id: int | None = None

    def load(self, keys: Iterable[str]) -> None:
        """Read the sessions that the batch names."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._rows]
        if missing:
            for columns in self._finder.find(missing):
                self._rows[columns[1]] = row_of(columns)

    def find(self, key: str, now: int) -> Row | None:
        """Give a live session.

        Raises:
            DecryptionFailed: its row is damaged.
        """
        row = self.locate(key, now)
        if row is not None and row.damaged:
            raise damaged(key)
        return row

    def locate(self, key: str, now: int) -> Row | None:
        """Give a live session, damaged or not."""
        row = self._rows.get(key)
        if row is None:
            return None
        record = row.record
        return row if record.base + record.ttl > now < record.cap else None

    def insert(self, key: str, record: Record) -> None:
        """Keep a new session, in the place of an expired one."""
        self.remove(key)
        if self._last_id is None:
            self._last_id = int(self._one("last_session")[0])
        self._last_id += 1
        row = Row(self._last_id, key, record)
        row.lease = Lease()
        self._rows[key] = self._dirty[row.id] = row

    def keep(self, row: Row, record: Record) -> None:
        """Keep the next record of a session."""
        row.record = record
        self._dirty[row.id] = row

    def remove(self, key: str) -> bool:
        """Forget a session and all that belongs to it; say whether there was one."""
        row = self._rows.pop(key, None)
        if row is None:
            return False
        self._dirty.pop(row.id, None)
        self._leased.pop(row.id, None)
        self._drafts.pop(row.id, None)
        if row.minute is not None:
            self._doomed.append(row)
        return True

    def remembered(self, row: Row, change_id: str) -> tuple[bytes, Changed] | None:
        """Give the digest and the answer of a change that the session remembers.

        Raises:
            DecryptionFailed: what is remembered is damaged.
        """
        if not row.remembered:
            return None
        found = row.changes.get(change_id)
        if found is None:
            found = self._one("find_change", row.id, change_id)
        if found is None:
            return None
        digest, revision, integers, first, last = found
        try:
            counters = unpack_integers(integers)
        except DAMAGE as exc:
            raise damaged(row.key) from exc
        return digest, Changed(row.record.incarnation, revision, counters, first, last, True)

    def remember(self, row: Row, change_id: str, digest: bytes, answer: Changed) -> None:
        """Let the session recognise a change later."""
        _, revision, integers, first, last, _ = answer
        row.changes[change_id] = digest, revision, pack_integers(integers), first, last
        row.remembered += 1

    def forgotten(self, row: Row) -> int:
        """Give a revision after which the session remembers all changes."""
        if row.remembered <= REMEMBERED_CHANGES:
            return 0
        self.flush()
        return int(self._one("oldest_change", row.id)[0]) - 1

    def pop_item(self, row: Row) -> StoredItem | None:
        """Take the newest item out of the log.

        Raises:
            DecryptionFailed: what it is in is damaged.
        """
        if not row.record.length:
            return None
        newest = (
            row.stretches[-1] if row.stretches else Stretch(*self._one("newest_stretch", row.id))
        )
        try:
            *left, item = newest.items()
        except DAMAGE as exc:
            raise damaged(row.key) from exc
        if row.stretches:
            row.stretches.pop()
        else:
            self._many("delete_stretch", [(row.id, newest.last)])
        if left:
            row.stretches.append(rest(left))
        return item

    def clear_items(self, row: Row) -> None:
        """Take all items out of the log."""
        row.stretches.clear()
        row.surplus = 0
        self._many("delete_log", [(row.id,)])

    def lease(self, row: Row) -> Lease:
        """See who holds the session."""
        if row.lease is None:
            found = self._one("read_lease", row.id)
            row.lease = Lease() if found is None else Lease(*found)
        return row.lease

    def keep_lease(self, row: Row, lease: Lease) -> None:
        """Keep who holds the session."""
        if lease != row.lease:
            row.lease = lease
            self._leased[row.id] = row

    def keep_draft(self, row: Row, sealed: bytes) -> None:
        """Put a note beside the session; an empty one takes it away."""
        self._drafts[row.id] = sealed

    def swap_draft(self, row: Row, before: bytes, after: bytes) -> bool:
        """Put a note in the place of one, if that is what is there."""
        kept = self._drafts.get(row.id)
        if kept is None and row.minute is not None:
            found = self._one("read_draft", row.id)
            kept = found[0] if found else b""
        if not kept or kept != before:
            return False
        self.keep_draft(row, after)
        return True

    def reseal_items(self, row: Row, operation: Reseal) -> int:
        """Exchange items of the log; say how many.

        Raises:
            DecryptionFailed: what one of them is in is damaged.
        """
        self.flush()
        fresh: dict[int, StoredItem] = {}
        rows: list[Columns] = []
        for stretch in self._stretches_of(row, {swap.number for swap in operation.items}):
            try:
                items = stretch.items()
            except DAMAGE as exc:
                raise damaged(row.key) from exc
            changed = resealed_items(items, operation)
            if changed:
                fresh |= changed
                whole = rest([changed.get(item.number, item) for item in items])
                rows.append((whole.lengths, whole.sealed, row.id, whole.last))
        self._many("reseal_stretch", rows)
        return len(fresh)

    def _stretches_of(self, row: Row, numbers: set[int]) -> Iterator[Stretch]:
        """Read what the items with these numbers are in."""
        after = 0
        for number in sorted(numbers):
            if number <= after:
                continue
            found = self._one("read_log", row.id, number - 1, 1)
            if found is None:
                return
            stretch = Stretch._make(found)
            after = stretch.last
            yield stretch

    def due(self, namespace: str, now: int, limit: int) -> list[str]:
        """Give the keys of expired sessions, the oldest deadline first."""
        self.flush()
        bounds = {"namespace": namespace, "minute": now // MINUTE, "now": now, "limit": limit}
        found = self._connection.execute(self._statements["due_sessions"], bounds)
        keys = [key for (key,) in found]
        self.load(keys)
        return keys

    def flush(self) -> None:
        """Write what was changed."""
        shifts: Counter[tuple[str, int]] = Counter()
        self._delete_doomed(shifts)
        rows = list(self._dirty.values())
        self._write_sessions(rows, shifts)
        self._write_logs(rows)
        self._write_changes(rows)
        self._write_leases()
        self._write_drafts()
        self._shift_deadlines(shifts)
        self._dirty.clear()

    def _delete_doomed(self, shifts: Counter[tuple[str, int]]) -> None:
        ids = [(row.id,) for row in self._doomed]
        for belonging in ("session", "log", "changes", "lease", "draft"):
            self._many(f"delete_{belonging}", ids)
        for row in self._doomed:
            if row.minute is not None:
                shifts[row.namespace, row.minute] -= 1
        self._doomed.clear()

    def _write_sessions(self, rows: list[Row], shifts: Counter[tuple[str, int]]) -> None:
        inserted: list[Columns] = []
        updated: list[Columns] = []
        advanced: list[Columns] = []
        moved: list[Columns] = []
        retagged: list[Columns] = []
        for row in rows:
            minute = row.record.expires // MINUTE
            if row.minute is None:
                inserted.append(columns_of(row, minute))
                shifts[row.namespace, minute] += 1
            else:
                if row.values is row.record.values:
                    advanced.append(advances_of(row))
                else:
                    updated.append(changes_of(row))
                if row.user_tag != row.record.user_tag:
                    row.user_tag = row.record.user_tag
                    retagged.append((row.user_tag, row.id))
                if row.minute != minute:
                    moved.append((minute, row.id))
                    shifts[row.namespace, row.minute] -= 1
                    shifts[row.namespace, minute] += 1
            row.minute = minute
        self._many("insert_session", inserted)
        self._many("update_session", updated)
        self._many("advance_session", advanced)
        self._many("move_session", moved)
        self._many("retag_session", retagged)

    def _write_logs(self, rows: list[Row]) -> None:
        appended = [(row.id, *stretch) for row in rows for stretch in row.stretches]
        self._many("insert_stretch", appended)
        cut = [row for row in rows if row.surplus]
        if cut:
            self._cut_logs(cut)
        for row in rows:
            row.stretches.clear()
            row.surplus = 0

    def _cut_logs(self, rows: list[Row]) -> None:
        """Remove the oldest items, and keep what came together with the last of them."""
        gone: list[Columns] = []
        left: list[Columns] = []
        for row in rows:
            surplus = row.surplus
            for stretch in self._oldest(row):
                gone.append((row.id, stretch.last))
                kept = without_oldest(stretch, surplus)
                if kept is not None:
                    left.append((row.id, *kept))
                surplus -= stretch.length
                if surplus <= 0:
                    break
        self._many("delete_stretch", gone)
        self._many("insert_stretch", left)

    def _oldest(self, row: Row) -> Iterator[Stretch]:
        bounds = row.id, 0, row.surplus
        return map(Stretch._make, self._connection.execute(self._statements["read_log"], bounds))

    def _write_changes(self, rows: list[Row]) -> None:
        changed = [row for row in rows if row.changes]
        self._many("remember_change", [change for row in changed for change in _slotted(row)])
        for row in changed:
            row.changes.clear()

    def _write_leases(self) -> None:
        leases = [(row.id, *row.lease) for row in self._leased.values() if row.lease is not None]
        self._many("keep_lease", leases)
        self._leased.clear()

    def _write_drafts(self) -> None:
        self._many("keep_draft", [draft for draft in self._drafts.items() if draft[1]])
        gone = [(number,) for number, sealed in self._drafts.items() if not sealed]
        self._many("delete_draft", gone)
        self._drafts.clear()

    def _shift_deadlines(self, shifts: Counter[tuple[str, int]]) -> None:
        self._many("shift_deadlines", [(*place, by) for place, by in shifts.items() if by])
        self._many("forget_deadlines", [place for place, by in shifts.items() if by < 0])

    def _one(self, name: str, *arguments: object) -> Any:
        return self._connection.execute(self._statements[name], arguments).fetchone()

    def _many(self, name: str, rows: list[Any]) -> None:
        if rows:
            self._connection.executemany(self._statements[name], rows)


def _slotted(row: Row) -> Iterator[Columns]:
    """Give each new change of a session the slot of the oldest one."""
    first = row.remembered - len(row.changes)
    for number, (change_id, (digest, *answer)) in enumerate(row.changes.items(), start=first):
        yield row.id, number % REMEMBERED_CHANGES, change_id, digest, *answer
