"""Checks in linear time: revisions are made once, none is missing, all agree with real time."""

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition, Seen


class Stop(NamedTuple):
    """A revision that was seen, and between which times it was reached.

    Not before `after` began (that act was at an earlier one), and before `by` ended (that act was
    at this or a later one).
    """

    incarnation: str
    revision: int
    seen: tuple[Seen, ...]
    after: Act | None
    by: Act

    @property
    def earliest(self) -> int:
        """Say when it was reached at the earliest."""
        return self.after.begin if self.after else 0


def stops(partition: Partition) -> list[Stop]:
    """Line up all revisions that were seen, incarnation after incarnation."""
    groups = list(_groups(partition))
    by: list[Act] = []
    for group in reversed(groups):
        candidates = [seen.act for seen in group] + by[-1:]
        by.append(min(candidates, key=lambda act: act.end))
    after: Act | None = None
    found: list[Stop] = []
    for group, reached in zip(groups, reversed(by), strict=True):
        sight = group[0].sight
        found.append(Stop(sight.incarnation, sight.revision, tuple(group), after, reached))
        for seen in group:
            if not seen.sight.echo and (after is None or seen.act.begin > after.begin):
                after = seen.act
    return found


def _groups(partition: Partition) -> Iterator[list[Seen]]:
    for sights in partition.incarnations.values():
        at: defaultdict[int, list[Seen]] = defaultdict(list)
        for seen in sights:
            at[seen.sight.revision].append(seen)
        yield from (at[revision] for revision in sorted(at))


def makers(stop: Stop) -> list[Act]:
    """Give the acts that made a revision; attempts at the same change count once."""
    made = {seen.act.tag: seen.act for seen in reversed(stop.seen) if seen.sight.made}
    return list(made.values())


def order_in_time(partition: Partition) -> Iterator[Finding]:
    """Find reads and changes that saw less, or more, than real time allows."""
    for stop in stops(partition):
        made = makers(stop)
        if len(made) > 1:
            yield partition.finding(
                "duplicate_revision", f"Both were told that they made revision {stop.revision}.",
                *made[:2],
            )  # fmt: skip
        yield from _too_early(partition, stop, made)
        if stop.after is not None and stop.after.begin > stop.by.end:
            yield _too_late(partition, stop, stop.after)


def _too_early(partition: Partition, stop: Stop, made: list[Act]) -> Iterator[Finding]:
    """Find reads of a revision that ended before its maker began."""
    attempts = [act for maker in made for act in partition.changes[maker.tag]]
    began = min((act.begin for act in attempts), default=0)
    for seen in stop.seen:
        if made and seen.act.end < began:
            why = f"Revision {stop.revision} was seen before the change that made it had begun."
            yield partition.finding("future_read", why, seen.act, made[0])
            return


def _too_late(partition: Partition, stop: Stop, late: Act) -> Finding:
    sight = late.sight
    if sight is not None and sight.incarnation != stop.incarnation:
        why = "The session answered as an earlier one after a later one under its id had answered."
        return partition.finding("mixed_incarnations", why, stop.by, late)
    reached = stop.by.sight.revision if stop.by.sight else stop.revision
    shown = sight.revision if sight else 0
    if sight is not None and sight.made:
        why = f"Revision {shown} was made after revision {reached} had been seen."
        return partition.finding("order_of_changes", why, stop.by, late)
    why = f"Revision {shown} was read after revision {reached} had been seen."
    return partition.finding("stale_read", why, stop.by, late)


def all_there(partition: Partition) -> Iterator[Finding]:
    """Find revisions that nobody can have made, and acknowledged changes that made none.

    The answers to `increment`, `claim`, `append` and the like do not show a revision, and unknown
    changes may have made one: these are matched with the revisions that nobody else made, those
    that must be placed soonest first.
    """
    places = _Places(partition)
    previous: Stop | None = None
    for stop in stops(partition):
        if previous is not None and previous.incarnation != stop.incarnation:
            places.excuse(stop)
            previous = None
        before = previous.revision if previous else 0
        missing = stop.revision - before - bool(makers(stop))
        yield from places.fill(stop, missing)
        previous = stop
    yield from places.lost(previous)


class _Places:
    """The changes that may stand where no maker is known."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        waiting = [act for act in partition.acts if act.moves and _may_fill(partition, act)]
        self._waiting = waiting + [act for act in partition.acts if _may_create(act)]
        self._waiting.sort(key=lambda act: act.begin, reverse=True)
        self._open: list[tuple[int, int, Act]] = []
        # In an incarnation that no answer showed, acknowledged changes may be anywhere.
        unseen = any(act.creates and act.unknown for act in partition.acts)
        self._excused = unseen and not partition.one_life

    def fill(self, stop: Stop, missing: int) -> Iterator[Finding]:
        """Fill the revisions up to this one that have no known maker."""
        self._admit(stop.by.end)
        for filled in range(missing):
            yield from self._overdue(stop.earliest, stop)
            if not self._open:
                why = (
                    f"{missing - filled} of the revisions up to {stop.revision} were made by "
                    "nobody: all changes that may have taken effect are accounted for."
                )
                yield self._partition.finding("missing_revision", why, *_both(stop))
                return
            heappop(self._open)

    def excuse(self, following: Stop) -> None:
        """Let changes until now stand at the unseen end of an incarnation."""
        self._admit(following.by.end)
        self._open = sorted((NEVER, place, act) for _, place, act in self._open)

    def lost(self, last: Stop | None) -> Iterator[Finding]:
        """Find the changes that should have been placed by now."""
        if last is None:
            return
        latest = max(
            last.earliest, *(seen.act.begin for seen in last.seen if not seen.sight.echo), 0
        )
        self._admit(latest)
        yield from self._overdue(latest, last)

    def _admit(self, moment: int) -> None:
        while self._waiting and self._waiting[-1].begin <= moment:
            act = self._waiting.pop()
            due = NEVER if self._excused else act.end
            heappush(self._open, (due, act.place, act))

    def _overdue(self, moment: int, stop: Stop) -> Iterator[Finding]:
        """Find acknowledged changes that ended before this revision was reached, and made none."""
        while self._open and self._open[0][0] < moment:
            act = heappop(self._open)[2]
            why = f"It was acknowledged, but none of the revisions up to {stop.revision} is its."
            yield self._partition.finding("lost_change", why, act, *_both(stop))


def _both(stop: Stop) -> list[Act]:
    return ([stop.after] if stop.after else []) + [stop.by]


def _may_fill(partition: Partition, act: Act) -> bool:
    if act.sight is not None:
        return False
    if act.unknown:
        return not (partition.one_life and _confirmed(partition, act))
    return act.ok


def _confirmed(partition: Partition, act: Act) -> bool:
    """Say whether another attempt at the same change was answered."""
    return act.effect is not None and any(other.ok for other in partition.changes[act.tag])


def _may_create(act: Act) -> bool:
    return act.creates and act.unknown and act.end == NEVER
