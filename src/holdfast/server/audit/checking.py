"""Is the trail whole? The first place where it is not, in words."""

from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from holdfast.server.audit.chain import EMPTY, Chain, Head, Row

Kind = Literal["edited", "deleted", "swapped", "cut", "unknown key"]


class Break(NamedTuple):
    """Where the trail is broken, and how."""

    row: int
    kind: Kind
    explanation: str

    def __str__(self) -> str:
        return f"Row {self.row}: {self.kind}. {self.explanation}"


class Verdict(NamedTuple):
    """What is certain: all rows up to the head, and the first break behind it."""

    head: Head
    broken: Break | None


async def check(rows: AsyncIterator[Row], chain: Chain, *, anchors: tuple[Head, ...]) -> Verdict:
    """Go through all rows in the order of their numbers, as far as they are sound.

    `anchors` are heads that the trail once had; it must still have them.
    """
    anchored = {anchor.rows: anchor.hash for anchor in anchors}
    head = EMPTY
    async for row in rows:
        broken = _break(row, chain, head)
        if broken is None and anchored.get(row.number, row.hash) != row.hash:
            broken = Break(row.number, "cut", "The anchor knows of another row at this place.")
        if broken is not None:
            return Verdict(head, broken)
        head = Head(row.number, row.hash)
    last = max((anchor.rows for anchor in anchors), default=0)
    return Verdict(head, _cut(head.rows, last) if last > head.rows else None)


def _break(row: Row, chain: Chain, head: Head) -> Break | None:
    """Say what is wrong with the row that stands behind the head."""
    place = head.rows + 1
    if row.number != place:
        gone = f"{place} to {row.number - 1} are" if row.number - place > 1 else f"{place} is"
        return Break(place, "deleted", f"{gone} missing before row {row.number}.")
    genuine = chain.holds(row)
    if genuine is None:
        said = f"It was written under key {row.key_id}, which is not at hand (--keys-file)."
        return Break(place, "unknown key", said)
    if not genuine:
        return Break(place, "edited", "It is not what was written.")
    if row.previous != head.hash:
        return Break(place, "swapped", "It is genuine, but another row was written at this place.")
    return None


def _cut(found: int, anchored: int) -> Break:
    said = f"The trail ends here; the anchor knows of {anchored} rows."
    return Break(found + 1, "cut", said)
