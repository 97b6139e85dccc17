"""Faults put into clean histories: each turns answers that can be into answers that cannot."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from holdfast.testing.histories import Event, History, Kind, stamp
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


def _pairs(events: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
    """Give pairs of which the first had surely ended before the second began."""
    for first in events:
        yield from ((first, second) for second in events if first.end < second.begin)


def _revision(event: Event) -> int:
    return int(event.answer["revision"]) if event.answer else 0


def _fresh(event: Event) -> bool:
    return not event.answer["replayed"]


def duplicate_revision(faulty: Faulty) -> None:
    changes = [event for event in faulty.answered("apply") if _fresh(event)]
    first, second = faulty.choose(
        (a, b) for a, b in pairwise(changes)
        if a.request.get("change_id") is None and b.request.get("change_id") is None
    )  # fmt: skip
    faulty.alter(second, answer__revision=_revision(first))


def missing_revision(faulty: Faulty) -> None:
    """Skip a number: everything later is one further on than anybody made it."""
    seen = faulty.answered("get", "apply")
    after = faulty.choose(iter([_revision(event) for event in seen[:-1] if event.answer]))
    for event in seen:
        if _revision(event) > after:
            faulty.alter(event, answer__revision=_revision(event) + 1)
    if _revision(seen[-1]) <= after:
        raise NoPlace


def lost_change(faulty: Faulty) -> None:
    """Acknowledge a change that never was."""
    place = faulty.choose(iter(faulty.answered("get")[:-1]))
    kind: Kind = faulty.dice.choice(["pop_item", "clear_items"])
    if kind == "pop_item" and any(True for _ in faulty.answered("append", "apply")):
        faulty.add("clear_items", None, at=place.end + 1)
    else:
        faulty.add(kind, None, at=place.end + 1)


def stale_read(faulty: Faulty) -> None:
    first, second = faulty.choose(
        (a, b) for a, b in _pairs(faulty.answered("get")) if 0 < _revision(a) < _revision(b)
    )
    faulty.alter(first, begin=second.end + 1, end=second.end + 2)


def future_read(faulty: Faulty) -> None:
    made = {_revision(event): event for event in faulty.answered("apply") if _fresh(event)}
    maker, read = faulty.choose(
        (made[_revision(read)], read)
        for read in faulty.answered("get")
        if _revision(read) in made and not made[_revision(read)].request.get("change_id")
    )
    faulty.alter(read, begin=maker.begin - 2, end=maker.begin - 1)


def order_of_changes(faulty: Faulty) -> None:
    changes = [event for event in faulty.answered("apply") if _fresh(event)]
    first, second = faulty.choose(
        (a, b) for a, b in _pairs(changes)
        if a.request.get("change_id") is None and b.request.get("change_id") is None
    )  # fmt: skip
    faulty.alter(first, answer=second.answer)
    faulty.alter(second, answer=first.answer)


def wrong_value(faulty: Faulty) -> None:
    read = faulty.choose(event for event in faulty.answered("get") if event.answer["values"])
    other = stamp(faulty.calm, by="nobody", number=1)
    faulty.alter(read, answer__values={**read.answer["values"], "topic": other})


def value_of_before(faulty: Faulty) -> None:
    """Show what a value was before."""
    first, second = faulty.choose(
        (a, b) for a, b in _pairs(faulty.answered("get"))
        if a.answer["values"].get("topic") != b.answer["values"].get("topic")
    )  # fmt: skip
    faulty.alter(second, answer__values=first.answer["values"])


def wrong_type(faulty: Faulty) -> None:
    """Give an integer back as a float."""
    session = "wild"
    read = faulty.choose(
        event
        for event in faulty.answered("get", session=session)
        if event.answer and type(event.answer["values"].get("mood")) is int
    )
    values = {**read.answer["values"], "mood": 12345678901234567.0}
    faulty.alter(read, answer__values=values)


def wrong_counter(faulty: Faulty) -> None:
    read = faulty.answered("get")[-1]
    visits = read.answer["integers"]["visits"] + faulty.dice.choice([-1, 1])
    faulty.alter(read, answer__integers={**read.answer["integers"], "visits": visits})


def write_after_delete(faulty: Faulty) -> None:
    faulty.add("delete", True)
    last = faulty.last()
    faulty.add("increment", last["integers"]["visits"] + 1, {"name": "visits", "delta": 1})


def alive_after_delete(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")[1:-2]))
    faulty.add("delete", True, at=read.end + 1)


def absent_while_alive(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")[:-1]))
    kind: Kind = faulty.dice.choice(["get", "exists", "touch"])
    faulty.add(kind, None if kind == "get" else False, at=read.end + 1)


def not_found_while_alive(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")[:-1]))
    faulty.add("append", None, {"items": [1]}, at=read.end + 1, error="SessionNotFound")


def mixed_incarnations(faulty: Faulty) -> None:
    reads = [event for event in faulty.answered("get", session="wild") if event.answer]
    first, second = faulty.choose(
        (a, b) for a, b in _pairs(reads) if a.answer["incarnation"] != b.answer["incarnation"]
    )
    faulty.alter(first, begin=second.end + 1, end=second.end + 2)


def change_applied_twice(faulty: Faulty) -> None:
    first = faulty.choose(
        event for event in faulty.answered("apply") if event.request.get("change_id")
        and not {"expect_revision", "lease_token", "append"} & event.request.keys()
    )  # fmt: skip
    integers = faulty.last()["integers"]
    for name, delta in first.request.get("add", {}).items():
        integers[name] += delta
    faulty.add("apply", faulty.made(integers=integers), first.request)


def replay_told_otherwise(faulty: Faulty) -> None:
    """Answer the second attempt as if it had been the first thing to do now."""
    first = faulty.choose(
        event for event in faulty.answered("apply") if event.request.get("change_id")
    )
    revision = faulty.last()["revision"]
    if revision <= _revision(first):
        raise NoPlace
    faulty.add("apply", faulty.made(revision=revision, replayed=True), first.request)


def lost_increment(faulty: Faulty) -> None:
    """Show less at the end than was acknowledged."""
    read = faulty.answered("get")[-1]
    name = faulty.choose(name for name in ("visits", "spending") if read.answer["integers"][name])
    faulty.alter(read, answer__integers={**read.answer["integers"], name: 0})


def number_given_twice(faulty: Faulty) -> None:
    first, second = faulty.choose(
        (a, b) for a, b in _pairs(faulty.answered("increment"))
        if a.request["name"] == b.request["name"]
    )  # fmt: skip
    faulty.alter(second, answer=first.answer)


def flag_won_twice(faulty: Faulty) -> None:
    winner = faulty.choose(event for event in faulty.answered("claim") if event.answer)
    faulty.add("claim", True, winner.request)


def _log_read(faulty: Faulty, least: int) -> Event:
    event: Event = faulty.choose(
        event for event in faulty.answered("items") if len(event.answer) >= least
    )
    return event


def log_gap(faulty: Faulty) -> None:
    read = _log_read(faulty, 3)
    faulty.alter(read, answer=[read.answer[0], *read.answer[2:]])


def log_item_lost(faulty: Faulty) -> None:
    """Leave out the newest item, long after it was acknowledged."""
    numbers = {event.answer for event in faulty.answered("append")}
    read = faulty.answered("items")[-1]
    if not read.answer or read.answer[-1][0] not in numbers:
        raise NoPlace
    faulty.alter(read, answer=read.answer[:-1])


def log_item_twice(faulty: Faulty) -> None:
    read = _log_read(faulty, 1)
    number, item = read.answer[-1]
    faulty.alter(read, answer=[*read.answer, [number + 1, item]])


def log_item_of_nobody(faulty: Faulty) -> None:
    read = _log_read(faulty, 1)
    number = read.answer[-1][0]
    faulty.alter(read, answer=[*read.answer[:-1], [number, stamp("calm", by="nobody", number=1)]])


def log_number_twice(faulty: Faulty) -> None:
    first, second = faulty.choose(_pairs(faulty.answered("append")))
    faulty.alter(second, answer=first.answer)


def log_order(faulty: Faulty) -> None:
    read = _log_read(faulty, 2)
    faulty.alter(read, answer=read.answer[::-1])


def log_item_popped_twice(faulty: Faulty) -> None:
    popped = faulty.choose(event for event in faulty.answered("pop_item") if event.answer)
    faulty.add("pop_item", popped.answer)


def log_item_back(faulty: Faulty) -> None:
    popped, read = faulty.choose(
        (popped, read)
        for popped in faulty.answered("pop_item") if popped.answer
        for read in faulty.answered("items") if popped.end < read.begin
    )  # fmt: skip
    faulty.alter(read, answer=sorted([*read.answer, popped.answer]))


def _grant(faulty: Faulty, token: str, fence: int, ttl: float = 10, kind: Kind = "steal") -> Event:
    # Beyond all fences of the simulated store.
    return faulty.add(kind, {"token": token, "fence": 10**18 + fence}, {"ttl": ttl})


def write_after_another_grant(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    _grant(faulty, "second", 2)
    faulty.add("apply", faulty.made(), {"lease_token": "first", "unset": ["none"]})


def write_after_expiry(faulty: Faulty) -> None:
    grant = _grant(faulty, "first", 1, ttl=0.02)
    late = grant.end + SECOND
    faulty.add("apply", faulty.made(), {"lease_token": "first", "unset": ["none"]}, at=late)


def write_after_release(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    faulty.add("release", True, {"token": "first"})
    faulty.add("apply", faulty.made(), {"lease_token": "first", "unset": ["none"]})


def renewal_after_another_grant(faulty: Faulty) -> None:
    first = _grant(faulty, "first", 1)
    _grant(faulty, "second", 2)
    faulty.add("renew", {"fence": first.answer["fence"]}, {"token": "first", "ttl": 1})


def leases_overlap(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    _grant(faulty, "second", 2, kind="acquire")


def fence_fell(faulty: Faulty) -> None:
    _grant(faulty, "first", 2)
    _grant(faulty, "second", 1)


def fence_repeated(faulty: Faulty) -> None:
    _grant(faulty, "first", 1)
    _grant(faulty, "second", 1)


def foreign_value(faulty: Faulty) -> None:
    """Give the answer to a read to somebody who read another session."""
    other = [event for event in faulty.answered("get", session="wild") if event.answer]
    theirs = faulty.choose(
        event for event in other if isinstance(event.answer["values"].get("topic"), dict)
    )
    faulty.alter(faulty.choose(iter(faulty.answered("get"))), answer=theirs.answer)


def foreign_change(faulty: Faulty) -> None:
    """Give the answer to a change to somebody who changed another session."""
    theirs = faulty.choose(iter(faulty.answered("apply", session="wild")))
    faulty.alter(faulty.choose(iter(faulty.answered("apply"))), answer=theirs.answer)


def unreadable(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")))
    faulty.alter(read, outcome="refused", error="DecryptionFailed", answer=None)


@dataclass(frozen=True)
class Fault:
    """A fault and the kinds of finding that the linear checks may call it by."""

    put_into: Callable[[Faulty], None]
    kinds: tuple[str, ...]
    unanswered: float = 0.08

    def __str__(self) -> str:
        return self.put_into.__name__


FAULTS = (
    Fault(duplicate_revision, ("duplicate_revision",)),
    Fault(missing_revision, ("missing_revision",), unanswered=0),
    Fault(lost_change, ("lost_change",), unanswered=0),
    Fault(stale_read, ("stale_read",)),
    Fault(future_read, ("future_read",)),
    Fault(order_of_changes, ("order_of_changes",)),
    Fault(wrong_value, ("wrong_value",)),
    Fault(value_of_before, ("wrong_value",)),
    Fault(wrong_type, ("wrong_value",)),
    Fault(wrong_counter, ("wrong_value", "wrong_count"), unanswered=0),
    Fault(write_after_delete, ("resurrection",), unanswered=0),
    Fault(alive_after_delete, ("resurrection",)),
    Fault(absent_while_alive, ("absent_while_alive",)),
    Fault(not_found_while_alive, ("absent_while_alive",)),
    Fault(mixed_incarnations, ("mixed_incarnations",)),
    Fault(change_applied_twice, ("change_applied_twice",)),
    Fault(replay_told_otherwise, ("change_applied_twice",)),
    Fault(lost_increment, ("wrong_count",)),
    Fault(number_given_twice, ("number_given_twice",)),
    Fault(flag_won_twice, ("flag_won_twice",)),
    Fault(log_gap, ("log_gap",), unanswered=0),
    Fault(log_item_lost, ("log_item_lost",), unanswered=0),
    Fault(log_item_twice, ("log_item_twice",)),
    Fault(log_item_of_nobody, ("log_item_twice",)),
    Fault(log_number_twice, ("log_number_twice",)),
    Fault(log_order, ("log_order",)),
    Fault(log_item_popped_twice, ("log_item_popped_twice",)),
    Fault(log_item_back, ("log_item_back",)),
    Fault(write_after_another_grant, ("accepted_after_lease",)),
    Fault(write_after_expiry, ("accepted_after_lease",)),
    Fault(write_after_release, ("accepted_after_lease",)),
    Fault(renewal_after_another_grant, ("accepted_after_lease",)),
    Fault(leases_overlap, ("leases_overlap",)),
    Fault(fence_fell, ("fence_fell",)),
    Fault(fence_repeated, ("fence_repeated",)),
    Fault(foreign_value, ("foreign_answer",)),
    Fault(foreign_change, ("foreign_answer",)),
    Fault(unreadable, ("unexpected_error",)),
)
