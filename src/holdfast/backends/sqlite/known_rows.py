"""Rows that the writing connection need not read again.

While no other connection has committed (`PRAGMA data_version` says so), a row is in the file as
this connection left it. That is asked inside the transaction, when nobody else can commit.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from itertools import islice
from typing import Final

from holdfast.backends.sqlite.rows import Row

ROWS_KEPT: Final = 2048
LARGEST_KEPT: Final = 1 << 14


class KnownRows(dict[str, Row]):
    """The sessions that were worked on last, by key."""

    def __init__(self) -> None:
        super().__init__()
        self._version = 0

    @contextmanager
    def surely(self) -> Generator[None]:
        """Forget everything if the transaction in the block does not come about."""
        try:
            yield
        except BaseException:
            self.clear()
            raise

    def refresh(self, version: int) -> None:
        """Forget everything if another connection has written since."""
        if version != self._version:
            self.clear()
            self._version = version

    def trim(self, keys: Iterable[str]) -> None:
        """Forget those of `keys` that are large, and the oldest of too many."""
        for key in keys:
            row = self.get(key)
            if row is not None and row.size > LARGEST_KEPT:
                del self[key]
        for key in list(islice(self, max(len(self) - ROWS_KEPT, 0))):
            del self[key]
