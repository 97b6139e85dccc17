"""Checks in linear time: lists and counts agree with the sessions that there were meanwhile.

A session that lived all the time of a call is listed and counted, one that did not live at any
moment of it is not; of all others either can be.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.answers import unexpected_errors
from holdfast.testing.histories.events import EVERYWHERE, Event
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.lives import Lives
from holdfast.testing.histories.partition import Partition

# How many sessions are shown as examples.
SHOWN = 3


def listings_agree(events: Sequence[Event], partitions: Sequence[Partition]) -> Iterator[Finding]:
    """Check all lists and counts of a history."""
    yield from unexpected_errors(events)
    lives = {partition.session: Lives(partition) for partition in partitions}
    for event in events:
        if event.outcome == "ok" and event.kind == "list":
            yield from _wrongly_listed(event, lives)
        elif event.outcome == "ok" and event.kind == "count":
            yield from _wrongly_counted(event, lives)


def _wrongly_listed(event: Event, lives: Mapping[str, Lives]) -> Iterator[Finding]:
    shown = Counter((session, snapshot["incarnation"]) for session, snapshot in event.answer)
    for (session, _), times in shown.items():
        if times > 1:
            why = f"It was listed {times} times."
            yield Finding("listed_twice", session, (event,), why)
    listed = {session for session, _ in shown}
    for session, life in lives.items():
        if session not in listed and (alive := life.throughout(event.begin, event.end)):
            why = "It lived all the time of the list, and is not in it."
            yield Finding("not_listed", session, (*_events(alive), event), why)
        if session in listed and (gone := life.never(event.begin, event.end)) is not None:
            why = "It was listed, and there was no such session at any moment of the list."
            yield Finding("listed_while_absent", session, (*_events(gone), event), why)


def _wrongly_counted(event: Event, lives: Mapping[str, Lives]) -> Iterator[Finding]:
    alive = [life.throughout(event.begin, event.end) for life in lives.values()]
    gone = [life.never(event.begin, event.end) for life in lives.values()]
    surely = [acts for acts in alive if acts is not None]
    never = [acts for acts in gone if acts is not None]
    low, high = len(surely), len(lives) - len(never)
    if not low <= event.answer <= high:
        examples = (surely if event.answer < low else never)[:SHOWN]
        why = f"At least {low} and at most {high} sessions lived then; {event.answer} were counted."
        shown = (one for acts in examples for one in _events(acts))
        yield Finding("wrong_total", EVERYWHERE, (*shown, event), why)


def _events(acts: Sequence[Act]) -> Iterator[Event]:
    return (act.event for act in acts)
