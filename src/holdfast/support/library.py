"""The knowledge base as one turn uses it: what is found gets a number, answers cite by number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from holdfast.support.knowledge import Evidence, Knowledge, Passage
from holdfast.support.messages import Source

_CITATION: Final = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found: passages with the numbers they are cited by, the best first."""

    passages: tuple[tuple[int, Passage], ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Cited:
    """A text whose citations are numbered 1, 2, … in the order of its sources."""

    text: str
    sources: tuple[Source, ...]
    confidence: float


class Library:
    """Searches for one turn, and remembers what it found.

    `used` names the tools in the order of their first use.
    """

    def __init__(self, knowledge: Knowledge, *, limit: int = 5) -> None:
        self._knowledge = knowledge
        self._limit = limit
        self._numbers: dict[str, int] = {}
        self._passages: list[Passage] = []
        self._confidence: list[float] = []
        self.used: dict[str, None] = {}

    def search(self, question: str, *, context: Sequence[str] = ()) -> Found:
        """Search for a question; `context` is what the visitor said before, when it matters.

        Raises:
            KnowledgeUnavailable: the knowledge base cannot be read.
        """
        self.used["search_knowledge"] = None
        findings = self._knowledge.search([*context, question], limit=self._limit)
        evidence = findings.evidence
        found = tuple(
            (self._number(passage, evidence.confidence), passage) for passage in findings.passages
        )
        return Found(found, evidence)

    def read(self, number: int) -> tuple[tuple[int, Passage], ...]:
        """Give the article that a passage is from, whole and in order; nothing when none is.

        Raises:
            KnowledgeUnavailable: the knowledge base cannot be read.
        """
        self.used["read_article"] = None
        if not 1 <= number <= len(self._passages):
            return ()
        found, confidence = self._passages[number - 1], self._confidence[number - 1]
        article = self._knowledge.passages(found.document_id)
        scored = [replace(passage, score=found.score) for passage in article]
        return tuple((self._number(passage, confidence), passage) for passage in scored)

    def cite(self, text: str) -> Cited:
        """Keep the citations of what was found, number them anew, and drop all others.

        The confidence is that of the search that found the sources; 0 when nothing is cited.
        """
        cited: dict[int, int] = {}

        def renumbered(match: re.Match[str]) -> str:
            given = [int(number) for number in match.group(1).split(",")]
            known = [number for number in given if 1 <= number <= len(self._passages)]
            ranks = [cited.setdefault(number, len(cited) + 1) for number in known]
            lead = match.group()[: match.group().index("[")]
            return lead + "".join(f"[{rank}]" for rank in ranks) if ranks else ""

        text = _CITATION.sub(renumbered, text).strip()
        sources = tuple(self._source(number, rank) for number, rank in cited.items())
        confidence = max((self._confidence[number - 1] for number in cited), default=0.0)
        return Cited(text, sources, round(min(max(confidence, 0.0), 1.0), 4))

    def _number(self, passage: Passage, confidence: float) -> int:
        # A section may be in several pieces, which are cited one by one.
        key = f"{passage.uri}\n{passage.text}"
        number = self._numbers.setdefault(key, len(self._passages) + 1)
        if number > len(self._passages):
            self._passages.append(passage)
            self._confidence.append(confidence)
        self._confidence[number - 1] = max(self._confidence[number - 1], confidence)
        return number

    def _source(self, number: int, rank: int) -> Source:
        passage = self._passages[number - 1]
        return Source(
            title=passage.title,
            content=passage.text,
            uri=passage.uri,
            score=round(passage.score, 4),
            rank=rank,
        )
