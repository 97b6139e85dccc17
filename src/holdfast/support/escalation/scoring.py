"""How much speaks for handing a conversation over, and why.

The weights are those of the agent that this one follows; an explicit request for a person is 1.0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from holdfast.support.escalation.moods import Moods
from holdfast.support.escalation.policy import EscalationPolicy
from holdfast.support.escalation.requests import PersonRequests
from holdfast.support.escalation.wordlists import Phrases, WeighedPhrases, load, normal

Category = Literal["legal", "urgent", "complaint", "general"]
Priority = Literal["urgent", "high", "normal"]

REQUEST: Final = "request"
WEIGHTS: Final = MappingProxyType(
    {
        "keywords": 0.4,
        "sentiment": 0.2,
        "urgency": 0.2,
        "repetition": 0.1,
        "length": 0.1,
        "worsening": 0.15,
        "problems": 0.1,
    }
)
REASONS: Final = MappingProxyType(
    {
        REQUEST: "asked for a person",
        "keywords": "words that need a person",
        "sentiment": "negative sentiment",
        "urgency": "urgency",
        "repetition": "asked the same again",
        "length": "more than 10 messages",
        "worsening": "the mood is getting worse",
        "problems": "several problems at once",
    }
)
LONG: Final = 10
# How much of their words two messages share when one repeats the other.
ALIKE: Final = 0.6
_WORD: Final = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What one message, in its conversation, says about handing over.

    `scores` holds each part between 0 and 1, before weighing; `total` is between 0 and 1.
    """

    total: float
    scores: dict[str, float]
    keywords: tuple[str, ...]
    escalates: bool
    category: Category
    priority: Priority

    @property
    def asked(self) -> bool:
        """Whether the visitor asked for a person."""
        return REQUEST in self.scores

    @property
    def reasons(self) -> tuple[str, ...]:
        """What speaks for handing over, in words, the weightiest first."""
        told = [REASONS[name] for name, score in self.scores.items() if score > 0]
        if self.keywords:
            told[told.index(REASONS["keywords"])] += f": {', '.join(self.keywords)}"
        return tuple(told)


class Escalation:
    """Assesses messages under a policy."""

    def __init__(self, policy: EscalationPolicy) -> None:
        matters = load("matters.toml")
        self._policy = policy
        self._keywords = WeighedPhrases(policy.keywords)
        self._requests = PersonRequests()
        self._moods = Moods()
        self._legal = Phrases(matters["legal"])
        self._complaint = Phrases(matters["complaint"])
        self._problem = Phrases(matters["problem"])
        self._joint = Phrases(matters["joint"])

    def assess(
        self, text: str, *, earlier: Sequence[str] = (), offered: bool = False
    ) -> Assessment:
        """Assess a visitor's message; `earlier` are the visitor's own before it, oldest first.

        `offered` says that a person was offered right before it, so that "yes" asks for one.
        """
        said = normal(text)
        keywords = self._keywords.found(said)
        scores = self._scores(text, list(earlier), worth=sum(keywords.values()))
        total = sum(WEIGHTS[name] * score for name, score in scores.items())
        asked = self._requests.asks(text) or (offered and self._requests.accepts(text))
        if asked:
            scores, total = {REQUEST: 1.0, **scores}, 1.0
        total = round(min(total, 1.0), 4)
        category = self._category(said, scores)
        return Assessment(
            total=total,
            scores=scores,
            keywords=tuple(keywords),
            escalates=self._policy.enabled and (asked or total >= self._policy.threshold),
            category=category,
            priority=_priority(category, total, asked=asked),
        )

    def _scores(self, text: str, earlier: list[str], *, worth: float) -> dict[str, float]:
        return {
            "keywords": min(worth, 1.0),
            "sentiment": self._moods.negative(text),
            "urgency": self._moods.urgency(text),
            "repetition": _repetition(text, earlier),
            "length": 1.0 if len(earlier) >= LONG else 0.0,
            "worsening": self._moods.worsening(text, earlier),
            "problems": self._problems(normal(text)),
        }

    def _problems(self, said: str) -> float:
        problems = len(self._problem.found(said))
        if problems < 2:
            return 0.0
        return 1.0 if problems > 2 or self._joint.found(said) else 0.5

    def _category(self, said: str, scores: dict[str, float]) -> Category:
        if self._legal.found(said):
            return "legal"
        if scores["urgency"] >= 0.5:
            return "urgent"
        if scores["sentiment"] >= 0.5 or self._complaint.found(said):
            return "complaint"
        return "general"


def _repetition(text: str, earlier: list[str]) -> float:
    """Half for a message that repeats one, whole for one that repeats several."""
    words = set(_WORD.findall(normal(text)))
    alike = sum(_share(words, set(_WORD.findall(normal(said)))) >= ALIKE for said in earlier)
    return min(alike / 2, 1.0)


def _share(some: set[str], others: set[str]) -> float:
    return len(some & others) / len(some | others) if some and others else 0.0


def _priority(category: Category, total: float, *, asked: bool) -> Priority:
    if category == "urgent":
        return "urgent"
    if category == "legal" or (category == "complaint" and (total >= 0.85 and not asked)):
        return "high"
    return "normal"
