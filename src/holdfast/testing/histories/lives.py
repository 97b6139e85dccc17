"""When a session surely lived, and when it surely did not, as far as answers tell."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.existence import Creations
from holdfast.testing.histories.partition import Partition


class Lives:
    """The lives of one session."""

    def __init__(self, partition: Partition) -> None:
        self._alive = list(_stretches(partition))
        gone = sorted((act for act in partition.acts if act.shows_absence), key=lambda a: a.end)
        self._gone_by = [act.end for act in gone]
        self._latest: list[Act] = []
        for act in gone:
            later = not self._latest or act.begin > self._latest[-1].begin
            self._latest.append(act if later else self._latest[-1])
        self._creations = Creations(partition.acts)

    def throughout(self, begin: int, end: int) -> Sequence[Act] | None:
        """Give the answers that show it alive in one incarnation all the time; else None."""
        for first, last, until in self._alive:
            if first.end <= begin and end <= until:
                return (first, last)
        return None

    def never(self, begin: int, end: int) -> Sequence[Act] | None:
        """Give the answers that show it absent all the time; else None."""
        place = bisect_right(self._gone_by, begin)
        since = self._latest[place - 1] if place else None
        if self._creations.any_between(since.begin if since else 0, end):
            return None
        return (since,) if since else ()


def _stretches(partition: Partition) -> Iterator[tuple[Act, Act, int]]:
    """Give for each incarnation its first and its last answer, and until when it surely lived."""
    for seen in partition.incarnations.values():
        first = min((each.act for each in seen), key=lambda act: act.end)
        last = max(
            (each.act for each in seen if not each.sight.echo),
            default=first,
            key=lambda act: act.begin,
        )
        yield first, last, NEVER if partition.one_life else last.begin
