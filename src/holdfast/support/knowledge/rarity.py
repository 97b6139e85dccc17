"""How much a word tells, by how few chunks hold it."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

# Goods and colours are rarer than what goes wrong with them, and tell less of what is asked.
_DAMPING = 0.8


@dataclass(frozen=True, slots=True)
class Rarity:
    """Counts of chunks by stem; a stem that is not among them stands nowhere."""

    frequencies: Mapping[str, int]
    chunks: int

    @property
    def unknown(self) -> float:
        """What a word weighs that stands nowhere."""
        return self._weight(0)

    def knows(self, stems: Collection[str]) -> bool:
        """Say whether each of the stems stands somewhere."""
        return all(self.frequencies.get(stem) for stem in stems)

    def weight(self, stems: Collection[str]) -> float:
        """Give the inverse document frequency of the rarest of some stems: BM25's, damped."""
        return self._weight(min(self.frequencies.get(stem, 0) for stem in stems))

    def _weight(self, found: int) -> float:
        return math.pow(math.log(1 + (self.chunks - found + 0.5) / (found + 0.5)), _DAMPING)
