"""A history: all that was seen of a store, read back from the files of its recorders."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, repeat
from pathlib import Path
from typing import Any, Self, get_args

from holdfast.testing.histories.events import EVERYWHERE, NEVER, Event, Kind, Outcome

# What is answered to a repetition where the first attempt took effect, and what it made has ended
# since: a session remembers its changes, and they end with it; so does a lease that was renewed.
_NO_TRACE = {
    **dict.fromkeys(("apply", "increment", "claim", "append", "transact"), ("SessionNotFound",)),
    "set": ("SessionNotFound", "RevisionConflict"),
    "create": ("SessionExists",),
    "renew": ("LeaseLost", "SessionNotFound"),
}
KINDS = frozenset(get_args(Kind))
OUTCOMES = frozenset(get_args(Outcome))


class BrokenHistory(ValueError):
    """A file that no recorder wrote; a torn last line is none of these."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason


class History:
    """Events in the order in which they began, each with its own number."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = tuple(sorted(events, key=lambda event: (event.begin, event.number)))

    def __len__(self) -> int:
        return len(self.events)

    @classmethod
    def load(cls, *paths: Path) -> Self:
        """Read and merge the files of several recorders.

        A call that has begun and not ended is unknown: its process was killed, or is stopped.

        Raises:
            BrokenHistory: a line, other than a torn last one, that no recorder writes.
        """
        numbers = count(1)
        return cls(event for path in paths for event in _events(path, numbers))

    def sessions(self) -> Mapping[str, tuple[Event, ...]]:
        """Part the events by session.

        A list or a batch was a read of each session in its answer. What was sent again, and found
        no trace of an earlier attempt, was also a call without an answer, a steal once each time.
        """
        parts: defaultdict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.session != EVERYWHERE:
                parts[event.session].append(event)
            for other in (*_reads(event), *_lost_attempts(event)):
                parts[other.session].append(other)
        return {session: tuple(parts[session]) for session in sorted(parts)}

    def of_all_sessions(self) -> Sequence[Event]:
        """Give the calls that were about all sessions."""
        return [event for event in self.events if event.session == EVERYWHERE]


def _reads(event: Event) -> Iterator[Event]:
    if event.kind in {"list", "get_batch"} and event.outcome == "ok":
        for session, shown in event.answer:
            yield replace(
                event, kind="get", session=session, request={"in": event.kind}, answer=shown
            )


def _lost_attempts(event: Event) -> Iterator[Event]:
    """Give the attempts at a call that left no trace for the last to find.

    One of them took effect at most; but a session that was stolen three times was in the thief's
    hands three times, should its time have been over.
    """
    stolen = event.kind == "steal"
    if event.repeated and (stolen or event.error in _NO_TRACE.get(event.kind, ())):
        lost = replace(event, outcome="unknown", error="StoreUnavailable", answer=None, end=NEVER)
        yield from repeat(lost, event.repeated if stolen else 1)


def _events(path: Path, numbers: Iterator[int]) -> Iterator[Event]:
    begun: dict[int, dict[str, Any]] = {}
    for place, line in _lines(path):
        try:
            if "begin" in line:
                begun[line["op"]] = line
            else:
                yield _event(next(numbers), begun.pop(line["op"]), line)
        except KeyError as exc:
            raise BrokenHistory(place, f"{exc} is missing or has not begun") from exc
    for line in begun.values():
        yield _event(next(numbers), line, {"outcome": "unknown", "error": "cut off"})


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the lines of a file, without what a killed process left of its last one."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.endswith("\n"):
                yield f"{path.name}:{number}", _parsed(f"{path.name}:{number}", line)


def _parsed(place: str, line: str) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except ValueError as exc:
        raise BrokenHistory(place, "is not JSON") from exc
    if not isinstance(parsed, dict):
        raise BrokenHistory(place, "is not an object")
    return parsed  # pyright: ignore[reportUnknownVariableType]


def _event(number: int, begun: dict[str, Any], ended: dict[str, Any]) -> Event:
    if begun["kind"] not in KINDS or ended["outcome"] not in OUTCOMES:
        raise BrokenHistory(f"operation {begun['op']}", "has a kind or outcome that is not known")
    return Event(
        number=number,
        process=begun["process"],
        caller=begun["caller"],
        kind=begun["kind"],
        session=begun["session"],
        request=begun["request"],
        begin=begun["begin"],
        end=NEVER if ended["outcome"] == "unknown" else ended["end"],
        outcome=ended["outcome"],
        error=ended.get("error", ""),
        answer=ended.get("answer"),
        repeated=ended.get("repeated", 0),
    )
