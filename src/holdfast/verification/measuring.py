"""Counts over time: what the curves of a report are drawn from."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2
from typing import Final, NamedTuple

from holdfast.testing.histories import Event
from holdfast.testing.histories.events import NEVER

SECOND: Final = 1_000_000_000
SLICES: Final = 240
# Durations are kept in classes, so many to a doubling: exact to 5 %.
CLASSES: Final = 8


class Speed(NamedTuple):
    """One slice of time: operations answered in it, and how long they took, in seconds."""

    answered: int
    median: float
    slowest: float


class Tally(NamedTuple):
    """One kind of operation: how it ended, and how long it took, in seconds."""

    answered: int
    refused: int
    unknown: int
    median: float
    slowest: float


@dataclass
class Measures:
    """What happened in slices of time. `slowest` is the 99th of a hundred, in all of them."""

    began: int
    seconds: float
    speeds: dict[int, Speed] = field(default_factory=dict[int, Speed])
    busy: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    _taken: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter[int]))

    @property
    def width(self) -> float:
        """Give the length of a slice, in seconds."""
        return max(self.seconds / SLICES, 0.05)

    def slice_of(self, moment: int) -> int:
        """Say in which slice a moment lies."""
        return int((moment - self.began) / SECOND / self.width)

    def add(self, events: Iterable[Event]) -> None:
        """Count the operations of one round."""
        durations: defaultdict[int, list[float]] = defaultdict(list)
        for event in events:
            self.outcomes[event.kind, event.outcome] += 1
            # A step of a watch takes as long as nothing happens.
            if event.end < NEVER and event.kind != "watch":
                place, taken = self.slice_of(event.end), (event.end - event.begin) / SECOND
                durations[place].append(taken)
                self._taken[event.kind][round(log2(max(taken, 1e-9)) * CLASSES)] += 1
                self.busy[event.process.split(".")[0], place] += 1
        for place, all_taken in durations.items():
            ranks = _rank(all_taken, 0.5), _rank(all_taken, 0.99)
            self.speeds[place] = Speed(len(all_taken), *ranks)

    def count(self, outcome: str) -> int:
        """Count the operations that ended so."""
        return sum(times for (_, ended), times in self.outcomes.items() if ended == outcome)

    def tallies(self) -> dict[str, Tally]:
        """Sum up each kind of operation."""
        return {
            kind: Tally(
                self.outcomes[kind, "ok"],
                self.outcomes[kind, "refused"],
                self.outcomes[kind, "unknown"],
                _class_rank(self._taken[kind], 0.5),
                _class_rank(self._taken[kind], 0.99),
            )
            for kind in sorted({kind for kind, _ in self.outcomes})
        }


def _rank(durations: Sequence[float], share: float) -> float:
    return sorted(durations)[int(share * (len(durations) - 1))] if durations else 0.0


def _class_rank(classes: Mapping[int, int], share: float) -> float:
    left = share * sum(classes.values())
    for place in sorted(classes):
        left -= classes[place]
        if left <= 0:
            return float(2 ** (place / CLASSES))
    return 0.0
