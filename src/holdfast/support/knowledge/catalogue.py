"""The documents of a knowledge base and their passages, in the tables."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from holdfast.support.knowledge.document import Document, Passage
from holdfast.support.knowledge.reading import Reading
from holdfast.support.knowledge.statements import statements

# None is everybody.
Audiences = Collection[str] | None


class Catalogue:
    """Reads and writes documents over one connection; a writer brings the transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sql = statements(
            "list_documents",
            "number_document",
            "put_chunk",
            "put_document",
            "remove_chunks",
            "remove_document",
            "show_document",
        )

    def documents(self, audiences: Audiences = None) -> list[Document]:
        rows = self._run("list_documents", id=None, audiences=_listed(audiences))
        return [_document(row) for row in rows]

    def document(self, document_id: str, audiences: Audiences = None) -> Document | None:
        values = {"id": document_id, "audiences": _listed(audiences)}
        rows = self._run("list_documents", **values).fetchall()
        return _document(rows[0]) if rows else None

    def passages(self, document_id: str, audiences: Audiences = None) -> list[Passage]:
        values = {"id": document_id, "audiences": _listed(audiences)}
        return [passage(row) for row in self._run("show_document", **values)]

    def put(self, document: Document, reading: Reading) -> None:
        """Write a document in the place of the one that has its id."""
        self._run("remove_chunks", id=document.id)
        self._run("put_document", **asdict(document))
        [[number]] = self._run("number_document", id=document.id).fetchall()
        self._connection.executemany(self._sql["put_chunk"], _chunks(number, reading))

    def remove(self, document_id: str) -> bool:
        self._run("remove_chunks", id=document_id)
        return self._run("remove_document", id=document_id).rowcount > 0

    def _run(self, name: str, **values: object) -> sqlite3.Cursor:
        return self._connection.execute(self._sql[name], values)


def passage(row: Sequence[Any]) -> Passage:
    """Make a passage of the columns that `show_document` selects."""
    document_id, title, headings, anchor, text, version = row
    return Passage(
        document_id=document_id,
        title=title,
        heading_path=tuple(json.loads(headings)),
        anchor=anchor,
        text=text,
        version=version,
    )


def _listed(audiences: Audiences) -> str | None:
    return None if audiences is None else json.dumps(sorted(audiences))


def _document(row: Sequence[Any]) -> Document:
    document_id, title, version, sha256, origin, audience, language, passages = row
    return Document(
        id=document_id,
        title=title,
        version=version,
        sha256=sha256,
        origin=origin,
        audience=audience,
        language=language,
        passages=passages,
    )


def _chunks(document: int, reading: Reading) -> Iterator[dict[str, object]]:
    for position, section in enumerate(reading.passages):
        yield {
            "document": document,
            "position": position,
            "headings": json.dumps(section.heading_path),
            "anchor": section.anchor,
            "title": "\n".join((reading.title, *section.heading_path)),
            "keywords": reading.keywords,
            "body": section.text,
        }
