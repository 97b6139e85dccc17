"""A clean history while a fault is being put into it."""

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from holdfast.testing.histories import Event, History, Kind
from holdfast.testing.histories.events import NEVER

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class NoPlace(LookupError):
    """The history has nothing that this fault could be put into."""


class Faulty:
    """A history while a fault is being put into it."""

    def __init__(self, history: History, seed: int, *, calm: str = "calm") -> None:
        self.events = {event.number: event for event in history.events}
        self.dice = random.Random(seed)
        self.calm = calm
        self._history = history

    def history(self) -> History:
        """Give the history with the fault in it."""
        return History(self.events.values())

    def answered(self, *kinds: str, session: str | None = None) -> list[Event]:
        """Give the answered calls of these kinds on a session (the calm one), in their order."""
        wanted = session or self.calm
        return [
            event
            for event in self._history.events
            if event.kind in kinds and event.session == wanted and event.outcome == "ok"
        ]

    def choose(self, places: Iterator[Any]) -> Any:
        """Choose one of the places where the fault can be."""
        found = list(places)
        if not found:
            raise NoPlace
        return self.dice.choice(found)

    def alter(self, event: Event, **parts: Any) -> None:
        """Change an event; `answer__name` changes a part of its answer."""
        now = self.events[event.number]
        answer = deepcopy(now.answer)
        for name in [name for name in parts if name.startswith("answer__")]:
            answer[name.removeprefix("answer__")] = parts.pop(name)
        self.events[event.number] = replace(now, **{"answer": answer, **parts})

    def add(
        self,
        kind: Kind,
        answer: Any,
        request: Mapping[str, Any] | None = None,
        *,
        at: int | None = None,
        error: str = "",
    ) -> Event:
        """Put in a call by somebody else on the calm session, at the end unless said otherwise."""
        begin = self.end + MILLISECOND if at is None else at
        event = Event(
            number=max(self.events) + 1,
            process="p9",
            caller="x",
            kind=kind,
            session=self.calm,
            request=request or {},
            begin=begin,
            end=begin + 1,
            outcome="refused" if error else "ok",
            error=error,
            answer=answer,
        )
        self.events[event.number] = event
        return event

    @property
    def end(self) -> int:
        """Say when all calls that were answered had been."""
        return max(event.end for event in self.events.values() if event.end < NEVER)

    def last(self) -> dict[str, Any]:
        """Give the calm session as it was read at the end."""
        answer: dict[str, Any] = deepcopy(self.answered("get")[-1].answer)
        return answer

    def made(self, **parts: Any) -> dict[str, Any]:
        """Make the answer that a change at the end of the calm session would get."""
        last = self.last()
        return {
            "incarnation": last["incarnation"],
            "revision": last["revision"] + 1,
            "integers": last["integers"],
            "first_item": None,
            "last_item": max(
                (number for number, _ in self.answered("items")[-1].answer), default=0
            ),
            "replayed": False,
        } | parts


def pairs(events: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    """Give pairs of which the first had surely ended before the second began."""
    for first in events:
        yield from ((first, second) for second in events if first.end < second.begin)


def revision_of(event: Event) -> int:
    return int(event.answer["revision"]) if event.answer else 0


def is_fresh(event: Event) -> bool:
    return not event.answer["replayed"]
