"""Finds chunks in the two indexes."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from holdfast.support.knowledge.question import Arm
from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.statements import statements

# Chunks that one arm of a question finds in one index, and that are found in all.
_DEPTH = 50
# A word in a title says more than one in the text.
_WEIGHTS = {"search_title": 2.0, "search_body": 1.0}


class Lookup:
    """Reads the indexes over one connection, inside the caller's transaction.

    What holds for the whole knowledge base is remembered until anybody writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sql = statements(
            "count_chunks",
            "count_chunks_with_terms",
            "list_hidden_chunks",
            "search_body",
            "search_title",
        )
        self._state = (-1, -1)
        self._counts: dict[str, int] = {}
        self._chunks = 0
        self._hidden: dict[frozenset[str], frozenset[int]] = {}

    def refresh(self) -> None:
        """Forget what was remembered if anything was written since."""
        [version] = self._connection.execute("PRAGMA data_version").fetchone()
        # The version tells of other connections, the changes of this one.
        state = (version, self._connection.total_changes)
        if state != self._state:
            self._state, self._counts, self._hidden = state, {}, {}
            [self._chunks] = self._connection.execute(self._sql["count_chunks"]).fetchone()

    def rarity(self, stems: Collection[str]) -> Rarity:
        """Count the chunks, and those that hold each of the stems."""
        terms = json.dumps([stem for stem in stems if stem not in self._counts])
        sql = self._sql["count_chunks_with_terms"]
        self._counts.update(self._connection.execute(sql, {"terms": terms}))
        return Rarity({stem: self._counts[stem] for stem in stems}, self._chunks)

    def chunks(self, arms: Iterable[Arm], *, audiences: Collection[str]) -> list[int]:
        """Find the chunks with the highest sums of BM25 scores over all arms and indexes."""
        hidden = self._hidden_from(frozenset(audiences))
        scores: defaultdict[int, float] = defaultdict(float)
        for arm in arms:
            for chunk, score in self._search(arm, depth=_DEPTH + len(hidden)):
                scores[chunk] += score
        visible = [chunk for chunk in scores if chunk not in hidden]
        return sorted(visible, key=lambda chunk: (-scores[chunk], chunk))[:_DEPTH]

    def _search(self, arm: Arm, *, depth: int) -> Iterator[tuple[int, float]]:
        values = {"expression": arm.expression, "depth": depth}
        for name, weight in _WEIGHTS.items():
            for chunk, score in self._connection.execute(self._sql[name], values):
                yield chunk, arm.weight * weight * score

    def _hidden_from(self, audiences: frozenset[str]) -> frozenset[int]:
        # Looked up once rather than joined to every hit: that takes nearly half as long again.
        if audiences not in self._hidden:
            values = {"audiences": json.dumps(list(audiences))}
            rows = self._connection.execute(self._sql["list_hidden_chunks"], values)
            self._hidden[audiences] = frozenset(number for (number,) in rows)
        return self._hidden[audiences]
