"""Whether the knowledge base can answer a question at all.

No single figure tells: a question about another shop's goods shares most of its words with some
article, and one in the customer's own words shares few with the right one. Three signals are added.
Their weights came out nearly equal in a logistic regression over 520 questions of our own, so they
are equal. The threshold is set for questions in unforeseen words: it declines nearly nine of ten
that no article answers, and loses few that one does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.ideas import Idea
from holdfast.support.knowledge.ranking import Ranked
from holdfast.support.knowledge.rarity import Rarity

THRESHOLD = 1.2
"""Sum of the signals from which on passages are given as an answer."""

_STEEPNESS = 5.5  # of the regression: 0.2 above the threshold is a confidence of 0.75
_ENOUGH_SUPPORT = 3.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals about the best document found.

    title: the share of the question, weighed by rarity, that its title or keywords name (0-1).
    coverage: how much of what the question could score the document scores (0-1).
    support: what it scores beside the idea that scores most, since one word that a poem and an
        article share proves nothing; 1 is a word that stands nowhere else, fully matched (0-3).
    """

    title: float = 0.0
    coverage: float = 0.0
    support: float = 0.0

    @property
    def total(self) -> float:
        return self.title + self.coverage + self.support

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
    scored = [best.marks.get(key, 0.0) for key in importance]
    naming = best.chunk.imprint.naming
    named = (importance[idea.key] * max(map(naming, idea.names)) for idea in ideas)
    return Evidence(
        title=sum(named) / possible,
        coverage=sum(scored) / possible,
        support=min((sum(scored) - max(scored)) / rarity.unknown, _ENOUGH_SUPPORT),
    )
