"""The knowledge base as one turn uses it: what is found gets a number, answers cite by number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

from holdfast.support.citing import Citing
from holdfast.support.knowledge import Evidence, Knowledge, Passage
from holdfast.support.messages import Source

ToolName = Literal["search_knowledge", "read_article"]


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
        self._numbering = Lock()
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

    def citing(self) -> "Citations":
        """Begin an answer that arrives piece by piece."""
        return Citations(self)

    def cite(self, text: str) -> Cited:
        """Cite in a text that is there whole; see `Citations`."""
        citations = self.citing()
        told = citations.feed(text) + citations.close()
        return citations.cited(told)

    def known(self, number: int) -> bool:
        """Say whether a passage has this number."""
        return 1 <= number <= len(self._passages)

    def source(self, number: int, rank: int) -> Source:
        """Give a passage as a source of an answer."""
        passage = self._passages[number - 1]
        return Source(
            title=passage.title,
            content=passage.text,
            uri=passage.uri,
            score=round(passage.score, 4),
            rank=rank,
        )

    def confidence(self, number: int) -> float:
        """Give the confidence of the search that found a passage."""
        return self._confidence[number - 1]

    def _number(self, passage: Passage, confidence: float) -> int:
        # A section may be in several pieces, which are cited one by one.
        key = f"{passage.uri}\n{passage.text}"
        # A search that took too long may come to its end in its thread beside the next one.
        with self._numbering:
            number = self._numbers.setdefault(key, len(self._passages) + 1)
            if number > len(self._passages):
                self._passages.append(passage)
                self._confidence.append(confidence)
            self._confidence[number - 1] = max(self._confidence[number - 1], confidence)
            return number


class Citations:
    """Keeps the citations of what was found, numbers them anew, and drops all others.

    The confidence is that of the search that found the sources; 0 when nothing is cited.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._ranks: dict[int, int] = {}
        self._text = Citing(self._rewritten)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What is cited so far."""
        return tuple(self._library.source(number, rank) for number, rank in self._ranks.items())

    def feed(self, piece: str) -> str:
        """Take the next piece, and give what of the text is certain by now."""
        return self._text.feed(piece)

    def close(self) -> str:
        """Give the rest of the text."""
        return self._text.close()

    def cited(self, text: str) -> Cited:
        """Put the text that was given together with its sources."""
        confidence = max(map(self._library.confidence, self._ranks), default=0.0)
        return Cited(text, self.sources, round(min(max(confidence, 0.0), 1.0), 4))

    def _rewritten(self, match: re.Match[str]) -> str:
        known = [
            number for number in map(int, match.group(1).split(",")) if self._library.known(number)
        ]
        ranks = [self._ranks.setdefault(number, len(self._ranks) + 1) for number in known]
        lead = match.group()[: match.group().index("[")]
        return lead + "".join(f"[{rank}]" for rank in ranks) if ranks else ""
