"""Finds chunks for a question in the two indexes."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from holdfast.support.knowledge.catalogue import passage
from holdfast.support.knowledge.document import Passage
from holdfast.support.knowledge.question import Arm
from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.statements import statements

MOST_OF_ONE = 2
"""Passages of one document in a result, so that one long article does not fill it."""

_DEPTH = 50
# A word in a title says more than one in the text.
_WEIGHTS = {"search_title": 2.0, "search_body": 1.0}


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk, the document it belongs to, and the sum of its scores."""

    chunk: int
    document: int
    score: float


class Lookup:
    """Reads the indexes over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sql = statements(
            "count_chunks",
            "count_chunks_with_terms",
            "search_body",
            "search_title",
            "show_chunk",
        )

    def rarity(self, stems: Iterable[str]) -> Rarity:
        """Count the chunks, and those that hold each of the stems."""
        [chunks] = self._connection.execute(self._sql["count_chunks"]).fetchone()
        terms = json.dumps(list(stems))
        sql = self._sql["count_chunks_with_terms"]
        return Rarity(dict(self._connection.execute(sql, {"terms": terms})), chunks)

    def hits(self, arms: Iterable[Arm], *, limit: int, audiences: Collection[str]) -> list[Hit]:
        """Add the scores of all arms in both indexes; best first."""
        scores: defaultdict[int, float] = defaultdict(float)
        documents: dict[int, int] = {}
        for arm in arms:
            for chunk, document, score in self._search(arm, max(_DEPTH, 4 * limit), audiences):
                scores[chunk] += score
                documents[chunk] = document
        hits = [Hit(chunk, documents[chunk], score) for chunk, score in scores.items()]
        return list(_spread(sorted(hits, key=lambda hit: (-hit.score, hit.chunk)), limit))

    def passage(self, hit: Hit, *, rank: int) -> Passage:
        row = self._connection.execute(self._sql["show_chunk"], {"number": hit.chunk}).fetchone()
        return passage(row, score=hit.score, rank=rank)

    def _search(
        self, arm: Arm, depth: int, audiences: Collection[str]
    ) -> Iterator[tuple[int, int, float]]:
        values = {
            "expression": arm.expression,
            "depth": depth,
            "audiences": json.dumps(list(audiences)),
        }
        for name, weight in _WEIGHTS.items():
            for chunk, document, score in self._connection.execute(self._sql[name], values):
                yield chunk, document, arm.weight * weight * score


def _spread(hits: Iterable[Hit], limit: int) -> Iterator[Hit]:
    """Take the first `limit` hits, passing over a third one of the same document."""
    taken: Counter[int] = Counter()
    for hit in hits:
        if taken.total() == limit:
            return
        if taken[hit.document] < MOST_OF_ONE:
            taken[hit.document] += 1
            yield hit
