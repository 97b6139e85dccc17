"""Axes for ratios: equal distances are equal factors."""

from collections.abc import Iterable
from math import ceil, floor, log10
from typing import NamedTuple


class RatioAxis(NamedTuple):
    """From `low` to `high` on the sheet, over whole powers of ten and their 2 and 5."""

    least: float
    most: float
    low: float
    high: float

    @classmethod
    def over(cls, ratios: Iterable[float], *, low: float, high: float) -> "RatioAxis":
        """Take in all ratios, and 1."""
        known = [1.0, *ratios]
        least = max(mark for mark in _marks(min(known)) if mark <= min(known))
        most = min(mark for mark in _marks(max(known)) if mark >= max(known))
        return cls(least, most if most > least else least * 10, low, high)

    def at(self, ratio: float) -> float:
        """Find the place of a ratio."""
        share = (log10(ratio) - log10(self.least)) / (log10(self.most) - log10(self.least))
        return self.low + share * (self.high - self.low)

    @property
    def marks(self) -> list[float]:
        """The ratios to write beside the axis."""
        between = {mark for power in (self.least, self.most) for mark in _marks(power)}
        step = range(floor(log10(self.least)), ceil(log10(self.most)) + 1)
        between |= {mark for power in step for mark in _marks(10.0**power)}
        chosen = sorted(mark for mark in between if self.least <= mark <= self.most)
        if len(chosen) > 9:
            return [mark for mark in chosen if abs(log10(mark) - round(log10(mark))) < 1e-9]
        return chosen


def _marks(ratio: float) -> list[float]:
    power = floor(log10(ratio))
    return [
        round(factor * 10.0**exponent, 9)
        for exponent in (power - 1, power, power + 1)
        for factor in (1, 2, 5)
    ]
