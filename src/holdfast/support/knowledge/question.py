"""A question: what the user says now, and what was spoken of before."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from holdfast.support.knowledge.ideas import Idea, ideas
from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.thesaurus import Name, Thesaurus
from holdfast.support.knowledge.vocabulary import Vocabulary

MOST_IDEAS = 32
"""Ideas that are searched for; of a longer question, the rarest. More cost time, find no more."""

_MOST_READ = 4_000  # characters of the last turn, and of all earlier ones together
_EARLIER = 0.35  # what an idea weighs that only an earlier turn holds
_ASKED, _TOLD = 1.2, 0.8  # what an idea weighs where one sentence asks and another tells a story
_OTHER_NAME = 0.5  # what a name weighs in the index that the user did not say
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Arm:
    """Names that are looked for together, at one weight."""

    weight: float
    names: tuple[Name, ...]

    @property
    def expression(self) -> str:
        """Write the names as an FTS5 query: each word quoted, so that none can be an operator."""
        return " OR ".join(
            "(" + " AND ".join(f'"{word}"' for word in name.words) + ")" for name in self.names
        )


@dataclass(frozen=True, slots=True)
class Question:
    """Ideas of the last turn, and those that only earlier turns hold."""

    current: tuple[Idea, ...]
    earlier: tuple[Idea, ...]

    @classmethod
    def of(
        cls, turns: Sequence[str] | str, *, vocabulary: Vocabulary, thesaurus: Thesaurus
    ) -> Self:
        """Read the turns of a user, the last of them the one to answer."""
        *before, last = [turns] if isinstance(turns, str) else [*turns] or [""]
        current = _turn(last[:_MOST_READ], vocabulary=vocabulary, thesaurus=thesaurus)
        history = "\n".join(before)[-_MOST_READ:]
        earlier = ideas(history, vocabulary=vocabulary, thesaurus=thesaurus)
        known = {idea.key for idea in current}
        return cls(
            tuple(current),
            tuple(
                replace(idea, weight=idea.weight * _EARLIER)
                for idea in earlier
                if idea.key not in known
            ),
        )

    @property
    def ideas(self) -> tuple[Idea, ...]:
        return self.current + self.earlier

    @property
    def asked(self) -> tuple[Idea, ...]:
        """What an answer must speak of; a follow-up without ideas asks about what was before."""
        return self.current or self.earlier

    @property
    def stems(self) -> set[str]:
        return {stem for idea in self.ideas for name in idea.names for stem in name.content}

    def arms(self, rarity: Rarity) -> list[Arm]:
        """Group what to look for in the index by weight; what stands nowhere is left out."""
        groups = (
            (1.0, _names(self.current, rarity, said=True)),
            (_EARLIER, _names(self.earlier, rarity, said=True)),
            (_OTHER_NAME, _names(self.current, rarity, said=False)),
        )
        return [Arm(weight, names) for weight, names in groups if names]

    def rarest(self, rarity: Rarity) -> Self:
        """Keep as many ideas as are searched for: those that tell most."""
        if len(self.ideas) <= MOST_IDEAS:
            return self
        known = [idea for idea in self.ideas if idea.known(rarity)]
        known.sort(key=lambda idea: -idea.importance(rarity))
        kept = {idea.key for idea in known[:MOST_IDEAS]}
        return replace(
            self,
            current=tuple(idea for idea in self.current if idea.key in kept),
            earlier=tuple(idea for idea in self.earlier if idea.key in kept),
        )


def _turn(text: str, *, vocabulary: Vocabulary, thesaurus: Thesaurus) -> list[Idea]:
    """Find the ideas of a turn; beside a sentence that asks, one that tells weighs less."""
    found = ideas(text, vocabulary=vocabulary, thesaurus=thesaurus)
    sentences = _SENTENCE_END.split(text.strip())
    asking = [sentence for sentence in sentences if sentence.endswith("?")]
    if not 0 < len(asking) < len(sentences):
        return found
    asked = {
        idea.key for idea in ideas("\n".join(asking), vocabulary=vocabulary, thesaurus=thesaurus)
    }
    return [
        replace(idea, weight=idea.weight * (_ASKED if idea.key in asked else _TOLD))
        for idea in found
    ]


def _names(found: Iterable[Idea], rarity: Rarity, *, said: bool) -> tuple[Name, ...]:
    names = {
        name
        for idea in found
        for name, worth in idea.names.items()
        if (worth == 1.0) == said and rarity.knows(name.content)
    }
    return tuple(sorted(names, key=lambda name: name.stems))
