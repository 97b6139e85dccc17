"""What the words of a customer mean to the search: which count, and what else they may be called."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from holdfast.support.knowledge.stemmer import Stemmer

_LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One or more words in a row, as written and as stems separated by spaces."""

    words: str
    stems: str


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a question that counts, with other names of the thing."""

    word: str
    stem: str
    synonyms: tuple[Phrase, ...] = ()


def words(text: str) -> list[str]:
    """Split as the index does: letters and digits, in lower case, all else separates."""
    found = _WORD.findall(unicodedata.normalize("NFKC", text).lower())
    return [word for word in found if len(word) <= _LONGEST_WORD]


class Vocabulary:
    """Stop words and synonyms, from the data files beside this module."""

    def __init__(self, stemmer: Stemmer) -> None:
        self._stemmer = stemmer
        self._stop_words = frozenset(" ".join(_lines("stop_words.txt")).split())
        self._synonyms: dict[str, list[tuple[Phrase, tuple[Phrase, ...]]]] = defaultdict(list)
        for line in _lines("synonyms.txt"):
            self._learn([self._phrase(name) for name in line.split(",")])

    def stems(self, text: str) -> list[str]:
        """Give the stems of a text in order."""
        spoken = words(text)
        known = self._stemmer.stems(spoken)
        return [known[word] for word in spoken if word in known]

    def terms(self, text: str) -> list[Term]:
        """Find the words that count, each once, in the order of the text."""
        spoken = words(text)
        known = self._stemmer.stems(spoken)
        spoken = [word for word in spoken if word in known]
        synonyms = self._synonyms_at([known[word] for word in spoken])
        found: dict[str, Term] = {}
        for place, word in enumerate(spoken):
            stem = known[word]
            if word not in self._stop_words and stem not in found:
                found[stem] = Term(word, stem, tuple(synonyms[place]))
        return list(found.values())

    def _phrase(self, text: str) -> Phrase:
        return Phrase(" ".join(words(text)), " ".join(self.stems(text)))

    def _learn(self, names: Sequence[Phrase]) -> None:
        for name in names:
            first = name.stems.split()[0]
            others = tuple(other for other in names if other.stems != name.stems)
            self._synonyms[first].append((name, others))

    def _synonyms_at(self, stems: Sequence[str]) -> dict[int, list[Phrase]]:
        """Say for each place in a text what the names that cover it may also be called."""
        found: dict[int, list[Phrase]] = defaultdict(list)
        for place, stem in enumerate(stems):
            for name, others in self._synonyms.get(stem, ()):
                length = len(name.stems.split())
                if " ".join(stems[place : place + length]) == name.stems:
                    for covered in range(place, place + length):
                        found[covered].extend(others)
        return found


def _lines(name: str) -> Iterator[str]:
    text = (files(__package__) / "words" / name).read_text(encoding="utf-8")
    return _without_comments(text.splitlines())


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() and not line.startswith("#"):
            yield line
