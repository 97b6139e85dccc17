"""What a text speaks of: phrases of the thesaurus first, then the words that remain."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.thesaurus import Mention, Name, Thesaurus
from holdfast.support.knowledge.vocabulary import Vocabulary, Word

# A phrase of the thesaurus counts like a word; beside it its own words count for less.
_FULL, _WEAK_WORD, _INSIDE_PHRASE = 1.0, 0.7, 0.7
# What a name is worth that the text itself does not use.
_OTHER_NAME_OF_PHRASE, _OTHER_NAME_OF_WORD = 0.8, 0.7


@dataclass(frozen=True, slots=True)
class Idea:
    """Something a text speaks of, and the names it may go by with the worth of each, at most 1."""

    key: str
    weight: float
    names: Mapping[Name, float]

    def known(self, rarity: Rarity) -> bool:
        """Say whether any name of the idea stands somewhere."""
        return any(rarity.knows(name.content) for name in self.names)

    def importance(self, rarity: Rarity) -> float:
        """Say how much the idea tells: by its rarest name, or as one that stands nowhere."""
        known = [
            worth * rarity.weight(name.content)
            for name, worth in self.names.items()
            if rarity.knows(name.content)
        ]
        return self.weight * max(known, default=rarity.unknown)


def ideas(text: str, *, vocabulary: Vocabulary, thesaurus: Thesaurus) -> list[Idea]:
    """Find the ideas of a text, each once."""
    words = vocabulary.words(text)
    mentions = list(thesaurus.mentions(words))
    phrases = [mention for mention in mentions if len(mention.places) > 1]
    inside = {place for mention in phrases for place in mention.places}
    synonyms: defaultdict[int, list[Name]] = defaultdict(list)
    for mention in mentions:
        if len(mention.places) == 1:
            synonyms[mention.places[0]].extend(mention.names)
    return [*_phrases(phrases), *_words(words, synonyms, inside)]


def _phrases(mentions: Sequence[Mention]) -> Iterator[Idea]:
    found: defaultdict[str, dict[Name, float]] = defaultdict(dict)
    for mention in mentions:
        names = found[" ".join(mention.names[0].stems)]
        for name in mention.names:
            worth = 1.0 if name.stems == mention.said else _OTHER_NAME_OF_PHRASE
            names[name] = max(worth, names.get(name, 0.0))
    for key, names in found.items():
        yield Idea(key, _FULL, names)


def _words(
    words: Sequence[Word], synonyms: Mapping[int, Sequence[Name]], inside: set[int]
) -> Iterator[Idea]:
    seen: set[str] = set()
    for place, word in enumerate(words):
        if word.weight == "none" or word.stem in seen:
            continue
        seen.add(word.stem)
        names = dict.fromkeys(synonyms.get(place, ()), _OTHER_NAME_OF_WORD)
        names[Name.of([word])] = 1.0
        weight = _FULL if word.weight == "full" else _WEAK_WORD
        yield Idea(word.stem, weight * (_INSIDE_PHRASE if place in inside else 1.0), names)
