"""The log in stretches: what a change appends is one row, with its ciphertexts in one blob.

Rows of all sessions stand in the order in which they were written, so that those of a batch share
their pages; kept apart by session, each would change a page or more of its own.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from holdfast.backend import Apply, Record, StoredItem


class Stretch(NamedTuple):
    """Items that came with one change, numbered without a gap up to `last`.

    `origin` is that of the oldest. `lengths` (in decimal, oldest first) take `sealed` apart.
    """

    last: int
    at: int
    origin: str
    lengths: str
    sealed: bytes

    @property
    def length(self) -> int:
        """How many items it holds."""
        return len(self.lengths.split())

    def items(self) -> list[StoredItem]:
        """Take the stretch apart, oldest first.

        Raises:
            ValueError, TypeError: it is damaged.
        """
        lengths = list(map(int, self.lengths.split()))
        if not lengths or min(lengths) < 0 or sum(lengths) != len(self.sealed):
            raise ValueError("not as long as its items")
        change_id, _, place = self.origin.rpartition(":")
        first, number = int(place), self.last - len(lengths) + 1
        return [
            StoredItem(number + n, self.at, f"{change_id}:{first + n}", self.sealed[start:end])
            for n, (start, end) in enumerate(pairwise(accumulate(lengths, initial=0)))
        ]


def appended(before: Record, operation: Apply, *, now: int) -> Stretch:
    """Number the items of a change that is applied to `before`."""
    sealed = operation.append
    lengths = " ".join([str(len(item)) for item in sealed])
    last = before.last_item + len(sealed)
    return Stretch(last, now, f"{operation.change_id}:1", lengths, b"".join(sealed))


def rest(items: Sequence[StoredItem]) -> Stretch:
    """Put together what is left of a stretch."""
    oldest, newest = items[0], items[-1]
    lengths = " ".join([str(len(item.sealed)) for item in items])
    sealed = b"".join([item.sealed for item in items])
    return Stretch(newest.number, oldest.at, oldest.origin, lengths, sealed)


def without_oldest(stretch: Stretch, surplus: int) -> Stretch | None:
    """Give what is left without the oldest items: nothing where these are all, or damaged."""
    if stretch.length <= surplus:
        return None
    try:
        items = stretch.items()
    except (TypeError, ValueError):
        return None
    return rest(items[surplus:])
