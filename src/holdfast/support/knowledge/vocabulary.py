"""The words of a text: as written, as stems, and how much they tell."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from typing import Literal

from holdfast.support.knowledge.stemmer import Stemmer

Weight = Literal["full", "weak", "none"]

_LONGEST_WORD = 64
_WORD = re.compile(r"[^\W_]+")
# "don't", "dont", "cannot": the apostrophe is often a typographic one, or left out.
_NEGATION = re.compile(
    r"\b(ca|do|does|did|is|are|was|were|has|have|had|wo|would|could|should|must|need)n['\u2019]?t\b"
    r"|\bcannot\b"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case and what the index makes of it."""

    text: str
    stem: str
    weight: Weight


class Vocabulary:
    """Knows common words, from the data files beside this module."""

    def __init__(self, stemmer: Stemmer) -> None:
        self._stemmer = stemmer
        self._fillers = _words_of("filler_words.txt")
        self._stop_words = _words_of("stop_words.txt")
        self._weak_words = _words_of("weak_words.txt")

    def words(self, text: str) -> list[Word]:
        """Read a text without its fillers. Any text will do."""
        plain = _NEGATION.sub(" not ", unicodedata.normalize("NFKC", text).lower())
        spoken = [
            word
            for word in _WORD.findall(plain)
            if len(word) <= _LONGEST_WORD and word not in self._fillers
        ]
        stems = self._stemmer.stems(spoken)
        return [self._word(word, stems[word]) for word in spoken if word in stems]

    def stems(self, text: str) -> list[str]:
        """Read a text as its stems alone."""
        return [word.stem for word in self.words(text)]

    def _word(self, word: str, stem: str) -> Word:
        if word in self._stop_words:
            # Not stemmed: "one" would become "on".
            return Word(word, word, "none")
        return Word(word, stem, "weak" if word in self._weak_words else "full")


def lines(name: str) -> Iterator[str]:
    """Read a data file without its comments."""
    text = (files("holdfast.support.knowledge") / "words" / name).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _words_of(name: str) -> frozenset[str]:
    return frozenset(chain.from_iterable(line.split() for line in lines(name)))
