"""A question as the search asks it: words that count, and how much each weighs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.vocabulary import Term, Vocabulary

MOST_TERMS = 32
"""Terms that are searched for; of a longer question, the rarest. More cost time and find no more."""

_MOST_READ = 8_000
# Weights of the words of the last turn, of earlier turns, and of other names for the former.
_CURRENT, _EARLIER, _SYNONYM = 1.0, 1.0, 0.3


@dataclass(frozen=True, slots=True)
class Arm:
    """Words and phrases that are searched for together, at one weight."""

    weight: float
    phrases: tuple[str, ...]

    @property
    def expression(self) -> str:
        """Write the phrases as an FTS5 query: each quoted, so that none can be an operator."""
        return " OR ".join(f'"{phrase}"' for phrase in self.phrases)


@dataclass(frozen=True, slots=True)
class Question:
    """The terms of the last turn, and those that only earlier turns hold."""

    current: tuple[Term, ...]
    earlier: tuple[Term, ...]

    @classmethod
    def of(cls, turns: Sequence[str] | str, vocabulary: Vocabulary) -> "Question":
        """Read the turns of a user, the last of them the one to answer."""
        *before, last = [turns] if isinstance(turns, str) else list(turns) or [""]
        current = vocabulary.terms(last[:_MOST_READ])
        known = {term.stem for term in current}
        earlier = vocabulary.terms("\n".join(before)[-_MOST_READ:])
        return cls(tuple(current), tuple(term for term in earlier if term.stem not in known))

    @property
    def terms(self) -> tuple[Term, ...]:
        return self.current + self.earlier

    def rarest(self, rarity: Rarity) -> "Question":
        """Leave out, above the limit, terms that no chunk holds and then those most chunks hold."""
        if len(self.terms) <= MOST_TERMS:
            return self
        found = [term for term in self.terms if rarity.frequencies.get(term.stem)]
        kept = set(sorted(found, key=lambda term: rarity.frequencies[term.stem])[:MOST_TERMS])
        return Question(
            tuple(term for term in self.current if term in kept),
            tuple(term for term in self.earlier if term in kept),
        )

    def arms(self) -> list[Arm]:
        """Group what to search for by weight."""
        names = [name.words for term in self.current for name in term.synonyms]
        groups = [
            Arm(_CURRENT, _words(self.current)),
            Arm(_EARLIER, _words(self.earlier)),
            Arm(_SYNONYM, tuple(dict.fromkeys(names))),
        ]
        return [arm for arm in groups if arm.phrases]


def _words(terms: Iterable[Term]) -> tuple[str, ...]:
    return tuple(term.word for term in terms)
