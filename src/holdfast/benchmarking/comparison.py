"""A ratio of two rates measured in the same rounds, and the target beside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from holdfast.benchmarking.contender import Entrant
from holdfast.benchmarking.peers.catalog import (
    ADK_DATABASE,
    ADK_REDIS,
    OPENAI_REDIS,
    OPENAI_SQLITE,
    STARSESSIONS_REDIS,
)
from holdfast.benchmarking.work import APPEND, CHANGE, Case

Measured = tuple[str, Case]
TARGETS: Final[Mapping[tuple[str, Case], float]] = {
    (OPENAI_SQLITE, Case(APPEND, 64)): 5.0,
    (ADK_DATABASE, Case(APPEND, 64)): 10.0,
    (OPENAI_REDIS, Case(APPEND, 64)): 5.0,
    (ADK_REDIS, Case(APPEND, 64)): 8.0,
    (STARSESSIONS_REDIS, Case(CHANGE, 64)): 4.0,
}


class Comparison(NamedTuple):
    """One store against another at the same work, or against itself with less of it."""

    store: str
    peer: str
    medium: str
    case: Case
    against: Case
    ours: Sequence[float]
    theirs: Sequence[float]
    target: float | None = None

    @property
    def scaling(self) -> bool:
        """Whether a store is compared with itself."""
        return self.store == self.peer

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached; None where there is none."""
        return None if self.target is None else self.ratio >= self.target

    def as_json(self) -> dict[str, Any]:
        """Give everything that was measured."""
        ratios = self.ratios
        return {
            "store": self.store,
            "peer": self.peer,
            "medium": self.medium,
            "work": str(self.case),
            "against": str(self.against),
            "callers": self.case.callers,
            "sessions": self.case.sessions,
            "ratio": self.ratio,
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "target": self.target,
            "reached": self.reached,
            "ours_per_second": list(self.ours),
            "peer_per_second": list(self.theirs),
        }


def compare(
    rates: Mapping[Measured, Sequence[float]], entrants: Iterable[Entrant]
) -> list[Comparison]:
    """Compare each store of ours with the peers on the same medium, and with itself.

    Stores of ours are compared with the first of them as well. What did nothing in some round has
    no ratio.
    """
    usable = {key: measured for key, measured in rates.items() if measured and min(measured) > 0}
    known = list(entrants)
    return [made for entrant in known if entrant.ours for made in _of(entrant, known, usable)]


def _of(
    entrant: Entrant, known: list[Entrant], rates: Mapping[Measured, Sequence[float]]
) -> Iterator[Comparison]:
    first = next(other for other in known if other.ours)
    others = [peer for peer in known if not peer.ours and peer.medium == entrant.medium]
    others += [first] if first.name != entrant.name else []
    for (name, case), ours in rates.items():
        if name != entrant.name:
            continue
        for peer in others:
            theirs = rates.get((peer.name, case))
            if theirs is not None:
                target = TARGETS.get((peer.name, case))
                yield Comparison(name, peer.name, entrant.medium, case, case, ours, theirs, target)
        least = _least(name, case, rates)
        if least != case:
            yield Comparison(name, name, entrant.medium, case, least, ours, rates[name, least])


def _least(name: str, case: Case, rates: Mapping[Measured, Sequence[float]]) -> Case:
    """Find the smallest case of the same work that was measured."""
    return min(
        (other for store, other in rates if store == name and other.work == case.work),
        key=lambda other: (other.sessions or 0, other.callers),
    )
