"""Whether the knowledge base can answer a question at all.

No single figure tells: a question about another shop's goods shares most of its words with some
article, and one in the customer's own words shares few with the right one. Several signals are
weighed by a logistic regression, whose file says what it was fitted on.
"""

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from holdfast.support.knowledge.ideas import Idea
from holdfast.support.knowledge.imprint import Imprint
from holdfast.support.knowledge.question import Question
from holdfast.support.knowledge.ranking import Ranked
from holdfast.support.knowledge.rarity import Rarity

_ENOUGH_SUPPORT = 3.0
_UNTOLD = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signals about the best document found.

    title: the share of the question, weighed by rarity, that its title or keywords name (0-1).
    coverage: how much of what the question could score the document scores (0-1).
    support: what it scores beside the idea that scores most, since one word that a poem and an
        article share proves nothing; 1 is a word that stands nowhere else, fully matched (0-3).
    topic: like coverage, of the whole conversation, so that a follow-up may lean on it (0-1).
    telling: like coverage, of the words that are not common English, by whether they stand in the
        passage at all (0-1).
    amount: how much the passage scores altogether, so that a long question that shares much with
        it is not held to the share alone; the logarithm, in words that stand nowhere else.
    """

    title: float = 0.0
    coverage: float = 0.0
    support: float = 0.0
    topic: float = 0.0
    telling: float = 0.0
    amount: float = 0.0

    @property
    def confidence(self) -> float:
        """Say how likely it is that the documents answer the question, between 0 and 1."""
        return 1 / (1 + math.exp(-self._weighed()))

    @property
    def sufficient(self) -> bool:
        """Whether passages are given as an answer."""
        return self._weighed() >= 0

    def _weighed(self) -> float:
        weights = evidence_weights()
        signals: dict[str, float] = asdict(self)
        weighed = (weights[name] * signal for name, signal in signals.items())
        return weights["intercept"] + sum(weighed)


@cache
def evidence_weights() -> Mapping[str, float]:
    """Read what each signal weighs."""
    text = (files("holdfast.support.knowledge") / "evidence.toml").read_text(encoding="utf-8")
    weights: dict[str, float] = tomllib.loads(text)["weights"]
    return weights


def weigh(question: Question, best: Ranked | None, rarity: Rarity) -> Evidence:
    """Judge the best chunk by the ideas of the question that is to be answered."""
    asked = question.asked
    importance = {idea.key: idea.importance(rarity) for idea in asked}
    possible = sum(importance.values())
    if best is None or not possible:
        return Evidence()
    scored = [best.marks.get(key, 0.0) for key in importance]
    naming = best.chunk.imprint.naming
    named = (importance[idea.key] * max(map(naming, idea.names)) for idea in asked)
    return Evidence(
        title=sum(named) / possible,
        coverage=sum(scored) / possible,
        support=min((sum(scored) - max(scored)) / rarity.unknown, _ENOUGH_SUPPORT),
        topic=_topic(question.ideas, best, rarity),
        telling=_telling(asked, best.chunk.imprint, rarity),
        amount=math.log1p(best.score / rarity.unknown),
    )


def _topic(ideas: Collection[Idea], best: Ranked, rarity: Rarity) -> float:
    return sum(best.marks.get(idea.key, 0.0) for idea in ideas) / _weight(ideas, rarity)


def _telling(ideas: Collection[Idea], imprint: Imprint, rarity: Rarity) -> float:
    """Weigh the words that tell what a question is about; nothing is said where there are none."""
    telling = [idea for idea in ideas if idea.weight >= 1]
    if not telling:
        return _UNTOLD
    there = [idea for idea in telling if any(map(imprint.presence, idea.names))]
    return _weight(there, rarity) / _weight(telling, rarity)


def _weight(ideas: Collection[Idea], rarity: Rarity) -> float:
    return sum(idea.importance(rarity) for idea in ideas)
