"""Checks in linear time: what was deleted stays away, what was not deleted is there."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition


def alive(partition: Partition) -> Iterator[Finding]:
    """Find absence in the middle of a life, which nothing brings back."""
    gone = sorted((act for act in partition.acts if act.shows_absence), key=_begin)
    begins = [act.begin for act in gone]
    for seen in partition.incarnations.values():
        first = min((each.act for each in seen), key=lambda act: act.end)
        last = max((each.act for each in seen if not each.sight.echo), default=first, key=_begin)
        for act in gone[bisect_right(begins, first.end) : bisect_left(begins, last.begin)]:
            if act.end < last.begin:
                yield _in_the_middle(partition, first, act, last)
                break


def _in_the_middle(partition: Partition, first: Act, act: Act, last: Act) -> Finding:
    if act.kind == "delete" and act.event.answer:
        why = "The session had been deleted, and the same incarnation answered again."
        return partition.finding("resurrection", why, first, act, last)
    why = "There was said to be no session between two answers of the same incarnation."
    return partition.finding("absent_while_alive", why, first, act, last)


def created_first(partition: Partition) -> Iterator[Finding]:
    """Find answers of a session that nobody can have created since it was gone."""
    gone = sorted((act for act in partition.acts if act.shows_absence), key=_end)
    ends = [act.end for act in gone]
    latest = _latest_begun(gone)
    creations = Creations(partition.acts)
    for act in partition.acts:
        place = bisect_left(ends, act.begin) if act.shows_presence else 0
        if place and not creations.any_between(latest[place - 1].begin, act.end):
            why = "The session had ended, and nobody created one before this was answered."
            yield partition.finding("resurrection", why, latest[place - 1], act)
            return


def _latest_begun(gone: Sequence[Act]) -> list[Act]:
    """Give, for each beginning of the list, its act that began last."""
    latest: list[Act] = []
    for act in gone:
        latest.append(max(act, latest[-1], key=_begin) if latest else act)
    return latest


class Creations:
    """The calls that can have brought a session into being."""

    def __init__(self, acts: Sequence[Act]) -> None:
        creations = [act for act in acts if act.creates and (act.ok or act.unknown)]
        creations.sort(key=_end)
        self._ends = [act.end for act in creations]
        self._soonest = [act.begin for act in creations]
        for place in range(len(creations) - 2, -1, -1):
            self._soonest[place] = min(self._soonest[place], self._soonest[place + 1])

    def any_between(self, begin: int, end: int) -> bool:
        """Say whether one can have taken effect between these times."""
        place = bisect_left(self._ends, begin)
        return place < len(self._ends) and self._soonest[place] <= end


def _begin(act: Act) -> int:
    return act.begin


def _end(act: Act) -> int:
    return act.end
