"""Whether the knowledge base can answer a question at all.

No single figure tells: a question about another shop's goods shares most of its words with some
article, and one in the customer's own words shares few with the right one. Three are added up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.ideas import Idea
from holdfast.support.knowledge.ranking import Ranked
from holdfast.support.knowledge.rarity import Rarity

THRESHOLD = 0.92
"""Sum of the signals from which on passages are given as an answer."""

_TITLE, _COVERAGE, _STRENGTH = 1.0, 1.0, 0.54
_STEEPNESS = 4.0  # maps 0.25 above the threshold to a confidence of 0.73


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals about the best document found; all but `strength` lie between 0 and 1.

    title: the share of the question, weighed by rarity, that the title or the keywords name.
    coverage: how much of what the question could score the document scores.
    strength: what it scores, in words that stand nowhere else: a rare word, fully matched, is 1.
    """

    title: float = 0.0
    coverage: float = 0.0
    strength: float = 0.0

    @property
    def total(self) -> float:
        return _TITLE * self.title + _COVERAGE * self.coverage + _STRENGTH * self.strength

    @property
    def confidence(self) -> float:
        """Give the total between 0 and 1, the threshold at 0.5."""
        return 1 / (1 + math.exp(-_STEEPNESS * (self.total - THRESHOLD)))

    @property
    def sufficient(self) -> bool:
        return self.total >= THRESHOLD


def weigh(ideas: Sequence[Idea], best: Ranked | None, rarity: Rarity) -> Evidence:
    """Judge the best chunk by the ideas of the question that is to be answered."""
    importance = {idea.key: idea.importance(rarity) for idea in ideas}
    possible = sum(importance.values())
    if best is None or not possible:
        return Evidence()
    scored = sum(best.marks.get(key, 0.0) for key in importance)
    named = (idea.key for idea in ideas if any(map(best.chunk.imprint.names, idea.names)))
    return Evidence(
        title=sum(importance[key] for key in named) / possible,
        coverage=scored / possible,
        strength=scored / rarity.unknown,
    )
