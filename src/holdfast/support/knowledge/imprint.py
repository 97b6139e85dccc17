"""The words of a chunk, field by field, as ranking compares them with a question."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

from holdfast.support.knowledge.thesaurus import Name

# What a word is worth by where it stands. A document's title and keywords say what it is about.
_TITLE, _HEADINGS, _KEYWORDS = 4.0, 1.0, 3.0
# A name whose words stand in a text, but apart.
_APART = 0.5
# A body longer than usual counts for a little less: BM25's length normalisation, b = 0.2.
_USUAL_LENGTH, _LENGTH_MATTERS = 70, 0.2


@dataclass(frozen=True, slots=True)
class Imprint:
    """Stems of one chunk, field by field.

    `keywords` has the words of all keywords, each with its share of the shortest keyword that holds
    it; `key_phrases` has those that stand together in one.
    `text` holds the stems of the body in order, with a space around each.
    """

    title: frozenset[str]
    headings: frozenset[str]
    keywords: Mapping[str, float]
    key_phrases: tuple[frozenset[str], ...]
    body: Mapping[str, int]
    text: str
    long: float
    all: frozenset[str]

    @classmethod
    def of(
        cls,
        *,
        title: Sequence[str],
        headings: Sequence[str],
        keywords: Sequence[Sequence[str]],
        body: Sequence[str],
    ) -> Self:
        return cls(
            title=frozenset(title),
            headings=frozenset(headings),
            keywords=_shares(keywords),
            key_phrases=tuple(frozenset(phrase) for phrase in keywords if len(phrase) > 1),
            body=Counter(body),
            text=f" {' '.join(body)} ",
            long=1 - _LENGTH_MATTERS + _LENGTH_MATTERS * len(body) / _USUAL_LENGTH,
            all=frozenset((*title, *headings, *chain.from_iterable(keywords), *body)),
        )

    def presence(self, name: Name) -> float:
        """Say how strongly a name stands here: 0 not at all, without an upper limit."""
        content = name.content
        return (
            _TITLE * (content <= self.title)
            + _HEADINGS * (content <= self.headings)
            + _KEYWORDS * self._is_keyword(content)
            + self._in_body(name) / self.long
        )

    def naming(self, name: Name) -> float:
        """Say how far the name is what title or keywords say: 0 to 1.

        A word that is only one of several in a keyword names less than a keyword of its own.
        """
        content = name.content
        if content <= self.title:
            return 1.0
        if not self._is_keyword(content):
            return 0.0
        return self.keywords[min(content)] if len(content) == 1 else 1.0

    def _is_keyword(self, content: frozenset[str]) -> bool:
        if not self.keywords.keys() >= content:
            return False
        return len(content) == 1 or any(content <= phrase for phrase in self.key_phrases)

    def _in_body(self, name: Name) -> float:
        if len(name.stems) == 1:
            return self.body.get(name.stems[0], 0)
        if all(stem in self.body for stem in name.content):
            return self.text.count(f" {' '.join(name.stems)} ") or _APART
        return 0


def _shares(keywords: Sequence[Sequence[str]]) -> dict[str, float]:
    # The longest first, so that the shortest has the last word.
    by_length = sorted((frozenset(keyword) for keyword in keywords), key=len, reverse=True)
    return {stem: len(keyword) ** -0.5 for keyword in by_length for stem in keyword}
