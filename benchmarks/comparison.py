"""A ratio of two rates measured in the same rounds, and the target beside it."""

from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple


class Target(NamedTuple):
    """What a ratio is to reach, or (`at_most`) not to exceed."""

    limit: float
    at_most: bool = False

    def reached(self, ratio: float) -> bool:
        """Say whether a ratio is on the right side."""
        return ratio <= self.limit if self.at_most else ratio >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}x"


class Comparison(NamedTuple):
    """The same work done in two ways, round by round; `target` is None where none was set."""

    part: str
    work: str
    peer: str
    ours: Sequence[float]
    theirs: Sequence[float]
    target: Target | None = None

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
        return None if self.target is None else self.target.reached(self.ratio)

    def as_json(self) -> dict[str, Any]:
        """Give everything that was measured."""
        ratios = self.ratios
        return {
            "part": self.part,
            "work": self.work,
            "peer": self.peer,
            "ratio": self.ratio,
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "target": None if self.target is None else str(self.target),
            "reached": self.reached,
            "ours_per_second": list(self.ours),
            "peer_per_second": list(self.theirs),
        }
