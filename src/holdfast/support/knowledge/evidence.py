"""Whether the knowledge base can answer a question at all.

No single figure tells: a question about another shop's goods shares most of its words with some
article, and one in the customer's own words shares few with the right one. Three signals are added.
Their weights came out nearly equal in a logistic regression over 400 questions of our own, so they
are equal. The threshold is set for questions in unforeseen words: it declines nine of ten that no
article answers, and loses few that one does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.ideas import Idea
from holdfast.support.knowledge.ranking import Ranked
from holdfast.support.knowledge.rarity import Rarity

THRESHOLD = 1.1
"""Sum of the signals from which on passages are given as an answer."""

_STEEPNESS = 4.2  # of the regression: 0.25 above the threshold is a confidence of 0.74
_ENOUGH_STRENGTH = 3.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals about the best document found.

    title: the share of the question, weighed by rarity, that its title or keywords name (0-1).
    coverage: how much of what the question could score the document scores (0-1).
    strength: what it scores, where 1 is a word that stands nowhere else, fully matched (0-3).
    """

    title: float = 0.0
    coverage: float = 0.0
    strength: float = 0.0

    @property
    def total(self) -> float:
        return self.title + self.coverage + self.strength

    @property
    def confidence(self) -> float:
        """Give the total as a figure between 0 and 1; the threshold lies at one half."""
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
        strength=min(scored / rarity.unknown, _ENOUGH_STRENGTH),
    )
