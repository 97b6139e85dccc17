"""What else a thing is called."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from holdfast.support.knowledge.vocabulary import Vocabulary, Word, lines

# Words that may stand between two words of a name in a question: "send it back".
_GAP = 1


@dataclass(frozen=True, slots=True)
class Name:
    """Words that together name one thing: as written, and as stems.

    `content` holds the stems of the words that count (all of them where none does).
    """

    words: tuple[str, ...]
    stems: tuple[str, ...]
    content: frozenset[str]

    @classmethod
    def of(cls, words: Sequence[Word]) -> Self:
        counting = [word for word in words if word.weight != "none"] or words
        return cls(
            tuple(word.text for word in counting),
            tuple(word.stem for word in words),
            frozenset(word.stem for word in counting),
        )


@dataclass(frozen=True, slots=True)
class Mention:
    """A name of the thesaurus in a text: at which places, and the names of the thing.

    `said` is the name as the text has it. It need not be among `names`.
    """

    places: tuple[int, ...]
    said: tuple[str, ...]
    names: tuple[Name, ...]


class Thesaurus:
    """Knows synonyms, from the data file that explains its own form."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._entries: dict[str, list[tuple[tuple[str, ...], tuple[Name, ...]]]] = defaultdict(list)
        entries = list(lines("synonyms.txt"))
        vocabulary.words(" ".join(entries))  # stems all words at once rather than name by name
        for entry in entries:
            self._learn(entry)

    def mentions(self, words: Sequence[Word]) -> Iterator[Mention]:
        """Find the names of the thesaurus in a text, overlapping ones too."""
        stems = [word.stem for word in words]
        for start, stem in enumerate(stems):
            for said, names in self._entries.get(stem, ()):
                if places := _find(said, stems, start):
                    yield Mention(places, said, names)

    def _learn(self, entry: str) -> None:
        called, _, said = entry.partition("<")
        names = self._names(called)
        for name in (*names, *self._names(said)):
            self._entries[name.stems[0]].append((name.stems, names))

    def _names(self, text: str) -> tuple[Name, ...]:
        parts = (part for part in text.split(",") if part.strip())
        return tuple(Name.of(self._vocabulary.words(part)) for part in parts)


def _find(name: Sequence[str], stems: Sequence[str], start: int) -> tuple[int, ...]:
    """Follow a name through a text from where its first word stands; () when it breaks off."""
    places = [start]
    for stem in name[1:]:
        after = places[-1] + 1
        try:
            places.append(stems.index(stem, after, after + _GAP + 1))
        except ValueError:
            return ()
    return tuple(places)
