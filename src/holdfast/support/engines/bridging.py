"""A question in the words that articles in English have for it.

Word by word, from the data file beside this module, which explains its own form: enough to find an
article by, and nothing that anybody reads.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final

from holdfast.support.languages import Language

BETWEEN: Final = "~"
BRIDGED: Final[Mapping[Language, str]] = {"de": "bridge.de.txt"}
_WORD: Final = re.compile(r"\w+")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
# "anzumelden" is "anmelden".
_TO: Final = re.compile(r"^(ab|an|auf|aus|ein|um|zurueck)zu(?=\w{4})")
_ENDING: Final = re.compile(r"(?<=\w{3})(?:em|en|er|es|e|n|s)$")
# What may join the parts of a compound, and how long each of them is at least.
_JOINTS: Final = ("", "s", "n", "en", "e")
_SHORTEST: Final = 4


class Bridge:
    """Reads the data file of a language."""

    def __init__(self, language: Language) -> None:
        name = BRIDGED[language]
        text = (files("holdfast.support.engines") / name).read_text(encoding="utf-8")
        self._english: dict[tuple[str, ...], str] = {}
        self._between: set[str] = set()
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self._learn(line)
        self._longest = max(map(len, self._english))

    def english(self, question: str) -> str | None:
        """Put a question in English words; None when none of its words is known.

        What is not known stays as it is: it may be a name.
        """
        said = _WORD.findall(question.lower())
        words = [word for word in said if _stem(word) not in self._between]
        put = list(self._put(words))
        if not any(known for known, _ in put):
            return None
        # What is said twice weighs no more.
        return " ".join(dict.fromkeys(english for _, english in put if english))

    def _learn(self, line: str) -> None:
        english, _, said = line.partition("<")
        if english.strip() == BETWEEN:
            self._between.update(_stems(_WORD.findall(said.lower())))
            return
        for phrase in said.split(","):
            # Of two meanings the first counts.
            self._english.setdefault(_stems(_WORD.findall(phrase.lower())), english.strip())

    def _put(self, words: Sequence[str]) -> Iterator[tuple[bool, str]]:
        """Give the English of one phrase after another, and whether it says anything."""
        stems, place = _stems(words), 0
        while place < len(words):
            length = next(self._lengths(stems[place:]), 0)
            if length:
                english = self._english[stems[place : place + length]]
                yield bool(english), english
            elif parts := self._parts(words[place]):
                yield True, " ".join(parts)
            else:
                yield False, words[place]
            place += length or 1

    def _lengths(self, stems: Sequence[str]) -> Iterator[int]:
        for length in range(min(self._longest, len(stems)), 0, -1):
            if tuple(stems[:length]) in self._english:
                yield length

    def _parts(self, word: str) -> tuple[str, str] | None:
        """Take a compound apart where both parts are known."""
        for end in range(len(word) - _SHORTEST, _SHORTEST - 1, -1):
            first, last = word[:end], word[end:]
            for joint in _JOINTS:
                head = self._english.get(_stems([first.removesuffix(joint)]))
                tail = self._english.get(_stems([last]))
                if head and tail and first.endswith(joint):
                    return head, tail
        return None


def _stems(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_stem, words))


def _stem(word: str) -> str:
    return _ENDING.sub("", _TO.sub(r"\1", word.translate(_UMLAUTS)))
