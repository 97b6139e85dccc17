"""A page of a listing, filled from records in the order of creation."""

from holdfast.backend import List, Listed, Record, Where

MAX_SCANNED = 2_000


class ScanPage:
    """Collects the sessions that a listing asks for, looking at `MAX_SCANNED` at the most.

    Those that have expired at `now` are looked at and passed over.
    """

    def __init__(self, operation: List, *, now: int = 0) -> None:
        self._operation = operation
        self._now = now
        self._rows: list[tuple[str, Record]] = []
        self._scanned = 0
        self._last: tuple[int, str] | None = None
        self._ended = True

    def offer(self, session_id: str, record: Record) -> bool:
        """Take or pass over the next session; False when the page wanted no more."""
        if len(self._rows) == self._operation.limit or self._scanned == MAX_SCANNED:
            self._ended = False
            return False
        self._scanned += 1
        self._last = record.created, session_id
        if record.expires > self._now and matches(record, self._operation.where):
            self._rows.append((session_id, record))
        return True

    def listed(self) -> Listed:
        """Give the page."""
        return Listed(tuple(self._rows), None if self._ended else self._last)


def matches(record: Record, where: Where) -> bool:
    """Say whether a session is one of those that are asked for."""
    if where.user_tags and record.user_tag not in where.user_tags:
        return False
    if where.created_from is not None and record.created < where.created_from:
        return False
    if where.created_to is not None and record.created > where.created_to:
        return False
    return all(low <= record.integers.get(name, 0) <= high for name, low, high in where.integers)
