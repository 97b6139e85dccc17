"""Finds chunks in the two indexes."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from holdfast.support.knowledge.question import Arm
from holdfast.support.knowledge.rarity import Rarity
from holdfast.support.knowledge.statements import statements

# Chunks that one arm of a question finds in one index, and that are found in all.
_DEPTH = 50
# Sets of audiences that are remembered: each signed-in user may bring one.
_MOST_KNOWN = 100
# A word in a title says more than one in the text.
_WEIGHTS = {"search_title": 2.0, "search_body": 1.0}


# Every use of a word, for counts among some of the chunks. They hold nothing of their own.
_USES = (
    "CREATE VIRTUAL TABLE temp.kb_title_use USING fts5vocab ('main', 'kb_fts_title', 'instance')",
    "CREATE VIRTUAL TABLE temp.kb_body_use USING fts5vocab ('main', 'kb_fts_body', 'instance')",
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the knowledge base is for some audiences: so many chunks, of how many in all."""

    audiences: str
    chunks: int
    whole: bool
    counts: dict[str, int] = field(default_factory=dict[str, int])


class Lookup:
    """Reads the indexes over one connection, inside the caller's transaction.

    Neither what it finds nor what it counts has anything of documents for other audiences: how rare
    a word is would tell whether it stands there. What holds for an audience is remembered until
    anybody writes.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sql = statements(
            "count_chunks",
            "count_chunks_with_terms",
            "count_visible_chunks_with_terms",
            "search_body",
            "search_title",
        )
        for table in _USES:
            connection.execute(table)
        self._state = (-1, -1)
        self._known: dict[frozenset[str], _Seen] = {}

    def refresh(self) -> None:
        """Forget what was remembered if anything was written since."""
        [version] = self._connection.execute("PRAGMA data_version").fetchone()
        # The version tells of other connections, the changes of this one.
        state = (version, self._connection.total_changes)
        if state != self._state:
            self._state, self._known = state, {}

    def rarity(self, stems: Collection[str], *, audiences: Collection[str]) -> Rarity:
        """Count the chunks, and those that hold each of the stems."""
        seen = self._seen(audiences)
        terms = json.dumps([stem for stem in stems if stem not in seen.counts])
        name = "count_chunks_with_terms" if seen.whole else "count_visible_chunks_with_terms"
        values = {"terms": terms, "audiences": seen.audiences}
        seen.counts.update(self._connection.execute(self._sql[name], values))
        return Rarity({stem: seen.counts[stem] for stem in stems}, seen.chunks)

    def chunks(self, arms: Iterable[Arm], *, audiences: Collection[str]) -> list[int]:
        """Find the chunks with the highest sums of BM25 scores over all arms and indexes."""
        seen = self._seen(audiences)
        scores: defaultdict[int, float] = defaultdict(float)
        for arm in arms:
            for chunk, score in self._search(arm, seen):
                scores[chunk] += score
        return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))[:_DEPTH]

    def _search(self, arm: Arm, seen: _Seen) -> Iterator[tuple[int, float]]:
        values = {"expression": arm.expression, "depth": _DEPTH, "audiences": seen.audiences}
        for name, weight in _WEIGHTS.items():
            for chunk, score in self._connection.execute(self._sql[name], values):
                yield chunk, arm.weight * weight * score

    def _seen(self, audiences: Collection[str]) -> _Seen:
        named = frozenset(audiences)
        if named not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            listed = json.dumps(sorted(named))
            values = {"audiences": listed}
            every, seen = self._connection.execute(self._sql["count_chunks"], values).fetchone()
            self._known[named] = _Seen(listed, seen, whole=seen == every)
        return self._known[named]
