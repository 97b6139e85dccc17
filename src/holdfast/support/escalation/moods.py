"""How a visitor sounds: angry, in a hurry, worse than before."""

from collections.abc import Sequence
from typing import Final

from holdfast.support.escalation.wordlists import Phrases, load, normal

# What one finding counts, and what shouting adds to it.
ONE: Final = 0.5
SHOUTING: Final = 0.25
# How many of the last messages a new one is compared with.
REMEMBERED: Final = 3


class Moods:
    """Scores messages between 0 and 1."""

    def __init__(self) -> None:
        words = load("moods.toml")
        self._negative = Phrases(words["negative"])
        self._positive = Phrases(words["positive"])
        self._urgent = Phrases(words["urgent"])
        self._negation = Phrases(words["negation"])

    def negative(self, text: str) -> float:
        """Score anger: half for one finding, whole for two; shouting adds, kind words take off."""
        said = normal(text)
        findings = len(self._negative.found(said))
        if findings == 0:
            return 0.0
        score = ONE * findings + SHOUTING * _shouts(text) - SHOUTING * self._kindness(said)
        return min(max(score, 0.0), 1.0)

    def urgency(self, text: str) -> float:
        """Score haste."""
        findings = len(self._urgent.found(normal(text)))
        return min(ONE * findings + SHOUTING * _shouts(text), 1.0) if findings else 0.0

    def worsening(self, text: str, earlier: Sequence[str]) -> float:
        """Score how much worse this sounds than the messages before it did."""
        before = [self._mood(said) for said in earlier[-REMEMBERED:]]
        if not before:
            return 0.0
        return min(max(sum(before) / len(before) - self._mood(text), 0.0), 1.0)

    def _mood(self, text: str) -> float:
        """Between -1 (angry) and 1 (pleased)."""
        anger = self.negative(text)
        return -anger if anger else min(ONE * self._kindness(normal(text)), 1.0)

    def _kindness(self, said: str) -> int:
        """Count kind words that nothing right before them turns round."""
        return sum(not self._turned(said[:place]) for place in self._positive.places(said))

    def _turned(self, before: str) -> bool:
        return bool(self._negation.found(" ".join(before.split()[-2:])))


def _shouts(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    return "!!" in text or (len(letters) >= 10 and capitals > 0.6 * len(letters))
