"""Whether the knowledge base can answer a question at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.document import Passage
from holdfast.support.knowledge.question import Question
from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Evidence:
    coverage: float = 0.0
    title: float = 0.0
    strength: float = 0.0
    margin: float = 0.0

    @property
    def confidence(self) -> float:
        return self.coverage

    @property
    def sufficient(self) -> bool:
        return self.confidence >= 0.5


def weigh(
    question: Question, passages: Sequence[Passage], *, rarity: Rarity, vocabulary: Vocabulary
) -> Evidence:
    return Evidence()
