"""What the agent calls: add, list, search, remove."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast.support.knowledge.catalogue import Catalogue
from holdfast.support.knowledge.chunk import Chunks
from holdfast.support.knowledge.database import Database
from holdfast.support.knowledge.document import Addition, Document, Manuscript, Passage, Report
from holdfast.support.knowledge.errors import InvalidDocument
from holdfast.support.knowledge.evidence import Evidence, weigh
from holdfast.support.knowledge.files import manuscripts
from holdfast.support.knowledge.lookup import Lookup
from holdfast.support.knowledge.question import Question
from holdfast.support.knowledge.ranking import rank, spread
from holdfast.support.knowledge.reading import Reading, read
from holdfast.support.knowledge.stemmer import Stemmer
from holdfast.support.knowledge.thesaurus import Thesaurus
from holdfast.support.knowledge.vocabulary import Vocabulary

PUBLIC = ("public",)
"""Whose documents a search sees when nothing else is said."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Passages, best first, and how far they can be trusted to answer."""

    passages: tuple[Passage, ...]
    evidence: Evidence


class Knowledge:
    """A knowledge base in one SQLite file of its own, or in memory when no path is given.

    Several threads and several processes may use one file at the same time.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self._database = Database(None if path is None else Path(path))
        self._kept = Catalogue(self._database.reader)
        self._edited = Catalogue(self._database.writer)
        self._lookup = Lookup(self._database.reader)
        self._stemmer = Stemmer()
        self._vocabulary = Vocabulary(self._stemmer)
        self._thesaurus = Thesaurus(self._vocabulary)
        self._chunks = Chunks(self._database.reader, self._vocabulary)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()
        self._stemmer.close()

    def add(self, manuscript: Manuscript, *, replacing: bool = True) -> Addition:
        """Add a document, or replace the one that has its id when anything differs.

        Without `replacing` only a document from the same file, or from one that is gone, gives way.

        Raises:
            InvalidDocument: it breaks a rule; nothing was changed.
            KnowledgeUnavailable: nothing was changed.
        """
        reading = read(manuscript)
        digest = _digest(manuscript, reading)
        with self._database.reading():
            known = self._kept.document(manuscript.document_id)
        if known and known.sha256 == digest:
            return Addition(known, "unchanged")
        with self._database.writing():
            return self._put(manuscript, reading, digest, replacing=replacing)

    def add_paths(self, paths: Iterable[Path | str], *, replacing: bool = True) -> Report:
        """Add files, and all files in folders. Each is added whole or refused; none stops the rest.

        Raises:
            KnowledgeUnavailable: files before the failure were added.
        """
        additions: list[Addition] = []
        refusals: list[InvalidDocument] = []
        for manuscript in manuscripts(map(Path, paths)):
            try:
                additions.append(self.add(_accepted(manuscript), replacing=replacing))
            except InvalidDocument as refusal:
                refusals.append(refusal)
        return Report(tuple(additions), tuple(refusals))

    def remove(self, document_id: str) -> bool:
        """Remove a document; say whether there was one."""
        with self._database.writing():
            return self._edited.remove(document_id)

    def documents(self, *, audiences: Collection[str] | None = None) -> list[Document]:
        """List documents by id: all of them, or those for some audiences."""
        with self._database.reading():
            return self._kept.documents(audiences)

    def document(
        self, document_id: str, *, audiences: Collection[str] | None = None
    ) -> Document | None:
        """Find a document; one for others is as if there were none."""
        with self._database.reading():
            return self._kept.document(document_id, audiences)

    def passages(self, document_id: str, *, audiences: Collection[str] = PUBLIC) -> list[Passage]:
        """Give a document whole, in reading order; nothing when there is none for the audiences."""
        with self._database.reading():
            return self._kept.passages(document_id, audiences)

    def search(
        self,
        turns: Sequence[str] | str,
        *,
        limit: int = 5,
        audiences: Collection[str] = PUBLIC,
    ) -> Findings:
        """Find passages for what a user said last; earlier turns tell what it is about.

        Any text is a safe question. At most two passages of one document are found.
        """
        question = Question.of(turns, vocabulary=self._vocabulary, thesaurus=self._thesaurus)
        with self._database.reading():
            self._lookup.refresh()
            rarity = self._lookup.rarity(question.stems, audiences=audiences)
            asked = question.rarest(rarity)
            numbers = self._lookup.chunks(asked.arms(rarity), audiences=audiences)
            chunks = self._chunks.read(numbers)
        ranked = list(spread(rank(chunks, asked.ideas, rarity), limit))
        passages = (
            replace(found.chunk.passage, score=found.score, rank=place)
            for place, found in enumerate(ranked, start=1)
        )
        return Findings(tuple(passages), weigh(question, next(iter(ranked), None), rarity))

    def _put(
        self, manuscript: Manuscript, reading: Reading, digest: str, *, replacing: bool
    ) -> Addition:
        # Asked again: another process may have written since.
        known = self._edited.document(manuscript.document_id)
        if known and known.sha256 == digest:
            return Addition(known, "unchanged")
        if known and not replacing:
            _check_origin(manuscript, known)
        document = Document(
            id=manuscript.document_id,
            title=reading.title,
            version=known.version + 1 if known else 1,
            sha256=digest,
            origin=manuscript.origin or manuscript.document_id,
            audience=reading.audience,
            language=reading.language,
            passages=len(reading.passages),
        )
        self._edited.put(document, reading)
        return Addition(document, "updated" if known else "added")


def _accepted(manuscript: Manuscript | InvalidDocument) -> Manuscript:
    if isinstance(manuscript, InvalidDocument):
        raise manuscript
    return manuscript


def _check_origin(manuscript: Manuscript, known: Document) -> None:
    there, here = Path(known.origin), Path(manuscript.origin)
    if there.is_file() and not (here.exists() and there.samefile(here)):
        rule = f"has the document id {known.id!r} of {known.origin}; rename one of them"
        raise InvalidDocument(manuscript.origin, rule)


def _digest(manuscript: Manuscript, reading: Reading) -> str:
    # With what is said beside the content, so that a new title or audience counts as a change.
    beside = [manuscript.form, reading.title, reading.audience, reading.language]
    parts = [manuscript.content, *beside]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
