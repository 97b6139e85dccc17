"""How much a word tells, by how few chunks hold it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rarity:
    """Counts of chunks by stem; a stem that is not among them stands nowhere."""

    frequencies: Mapping[str, int]
    chunks: int

    def weight(self, stem: str) -> float:
        """Give the inverse document frequency as BM25 has it, never below 0."""
        found = self.frequencies.get(stem, 0)
        return math.log(1 + (self.chunks - found + 0.5) / (found + 0.5))
