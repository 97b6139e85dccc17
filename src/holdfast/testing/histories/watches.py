"""Checks in linear time: what a watch told, and what it kept to itself.

A watch tells only revisions, so more can be said of a session that lived once: there every step
must be as new as what was acknowledged before it began.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import Event
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.lives import Lives
from holdfast.testing.histories.partition import Partition


def watches_agree(partition: Partition) -> Iterator[Finding]:
    """Find steps of watches that cannot be, and steps that were never made."""
    if not partition.watches:
        return
    lives, shown = Lives(partition), _Shown(partition)
    for steps in _watches(partition.watches):
        yield from _falling(steps)
        for place, step in enumerate(steps):
            if "ended" in step.answer:
                yield from _ended_early(steps[max(place - 1, 0)], step, lives)
            elif "waiting" in step.answer:
                yield from _missed(step, lives, shown)
            else:
                yield from shown.wrong_steps(step)


def _watches(events: Iterable[Event]) -> Iterator[Sequence[Event]]:
    """Part the answered steps by watch."""
    parts: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if event.outcome == "ok":
            parts[event.process, event.request["watch"]].append(event)
    yield from parts.values()


def _falling(steps: Sequence[Event]) -> Iterator[Finding]:
    told = [step for step in steps if "revision" in step.answer]
    for first, second in pairwise(told):
        if second.answer["revision"] <= first.answer["revision"]:
            why = "Revisions of one watch only rise: it ends with the incarnation that it began in."
            yield Finding("watch_order", first.session, (first, second), why)


def _ended_early(before: Event, step: Event, lives: Lives) -> Iterator[Finding]:
    if alive := lives.throughout(before.begin, step.end):
        why = "It ended although the session lived on in one incarnation."
        shown = (*(act.event for act in alive), before, step)
        yield Finding("watch_ended_early", step.session, shown, why)


def _missed(step: Event, lives: Lives, shown: "_Shown") -> Iterator[Finding]:
    since = step.answer["waiting"]
    if newer := shown.beyond(step.request["after"], since):
        why = "This had been acknowledged, and waiting for it was in vain."
        yield Finding("missed_wake_up", step.session, (newer.event, step), why)
    elif (gone := lives.never(since, step.end)) is not None:
        why = "The session had ended, and waiting to be told was in vain."
        events = (*(act.event for act in gone), step)
        yield Finding("missed_wake_up", step.session, events, why)


class _Shown:
    """The revisions that other answers showed of a session that lived once."""

    def __init__(self, partition: Partition) -> None:
        seen = partition.seen if partition.one_life else ()
        self._ends: list[int] = []
        self._newest: list[tuple[int, Act]] = []
        for act, sight in sorted(seen, key=lambda each: each.act.end):
            if sight.echo or (self._newest and sight.revision <= self._newest[-1][0]):
                continue
            self._ends.append(act.end)
            self._newest.append((sight.revision, act))
        self._makers: dict[int, int] = {}
        for act, sight in seen:
            if sight.made:
                begun = min(attempt.begin for attempt in partition.changes[act.tag])
                self._makers[sight.revision] = begun

    def beyond(self, revision: int, moment: int) -> Act | None:
        """Give what had shown a later revision by then."""
        place = bisect_right(self._ends, moment)
        if not place or self._newest[place - 1][0] <= revision:
            return None
        return self._newest[place - 1][1]

    def wrong_steps(self, step: Event) -> Iterator[Finding]:
        """Find a step that told less, or more, than there was."""
        revision = step.answer["revision"]
        if newer := self.beyond(revision, step.begin):
            why = f"Revision {revision} was told after a later one had been seen."
            yield Finding("stale_watch", step.session, (newer.event, step), why)
        if self._makers.get(revision, 0) > step.end:
            why = f"Revision {revision} was told before the change that made it had begun."
            yield Finding("future_watch", step.session, (step,), why)
