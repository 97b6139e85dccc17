"""Compares chunks with a question, idea by idea.

BM25 adds up words: a chunk that says one thing in three words beats one that says two things. Here
each idea counts once, by the best of its names, and a document is helped by ideas that stand in its
other chunks.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.chunk import Chunk
from holdfast.support.knowledge.ideas import Idea
from holdfast.support.knowledge.imprint import Imprint
from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.thesaurus import Name

MOST_OF_ONE = 2
"""Passages of one document in a result, so that one long article does not fill it."""

# How soon more of the same tells nothing more; how much the rest of a document counts, and ideas
# that stand together in its title or in one path of headings: from this part of their weight, for
# a title that says much else, to one more than it, for one that they say whole.
_SATURATION, _REST, _TOGETHER, _PART = 2.0, 0.5, 0.25, 0.5

Marks = Mapping[str, float]
"""What a chunk or a document scores for each idea, by the idea's key."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk with its score, and what its document has of each idea."""

    chunk: Chunk
    score: float
    marks: Marks


def rank(chunks: Sequence[Chunk], ideas: Iterable[Idea], rarity: Rarity) -> list[Ranked]:
    """Order chunks, best first; those that share nothing with the question are left out."""
    scale = _Scale(ideas, rarity)
    marks = [scale.marks(chunk.imprint) for chunk in chunks]
    whole = _by_document(chunks, marks)
    ranked = [
        Ranked(chunk, scale.score(chunk.imprint, own, document), document)
        for chunk, own in zip(chunks, marks, strict=True)
        if own and (document := whole[chunk.passage.document_id])
    ]
    return sorted(ranked, key=lambda found: -found.score)


def spread(ranked: Iterable[Ranked], limit: int) -> Iterator[Ranked]:
    """Take the first `limit`, passing over a third one of the same document."""
    taken: Counter[str] = Counter()
    for found in ranked:
        document = found.chunk.passage.document_id
        if taken.total() < limit and taken[document] < MOST_OF_ONE:
            taken[document] += 1
            yield found


class _Scale:
    """The names of all ideas, found by one of the words that a chunk must hold."""

    def __init__(self, ideas: Iterable[Idea], rarity: Rarity) -> None:
        self._names: defaultdict[str, list[tuple[Name, str, float]]] = defaultdict(list)
        for idea in ideas:
            for name, worth in idea.names.items():
                if rarity.knows(name.content):
                    weight = idea.weight * worth * rarity.weight(name.content)
                    self._names[min(name.content)].append((name, idea.key, weight))
        self._stems = frozenset(self._names)

    def marks(self, imprint: Imprint) -> dict[str, float]:
        marks: dict[str, float] = {}
        for stem in self._stems & imprint.all:
            for name, key, weight in self._names[stem]:
                if presence := imprint.presence(name):
                    mark = weight * presence / (presence + _SATURATION)
                    marks[key] = max(mark, marks.get(key, 0.0))
        return marks

    def score(self, imprint: Imprint, own: Marks, document: Marks) -> float:
        """Add up what a chunk has itself, what its document has, and how well it is titled."""
        bond = max(map(self._bond, (imprint.title, imprint.headings)))
        return sum(own.values()) + _REST * sum(document.values()) + _TOGETHER * bond

    def _bond(self, title: frozenset[str]) -> float:
        """Weigh the ideas that a title names beside the first, by how much of it they make up."""
        named: dict[str, float] = {}
        said: set[str] = set()
        for stem in self._stems & title:
            for name, key, weight in self._names[stem]:
                if name.content <= title:
                    named[key] = max(weight, named.get(key, 0.0))
                    said |= name.content
        if len(named) < 2:
            return 0.0
        return (sum(named.values()) - max(named.values())) * (_PART + len(said) / len(title))


def _by_document(chunks: Sequence[Chunk], marks: Sequence[Marks]) -> dict[str, Marks]:
    whole: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for chunk, own in zip(chunks, marks, strict=True):
        best = whole[chunk.passage.document_id]
        for key, mark in own.items():
            best[key] = max(mark, best.get(key, 0.0))
    return dict(whole)
