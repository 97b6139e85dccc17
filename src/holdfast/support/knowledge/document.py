"""The values that go in and come out."""

from dataclasses import dataclass
from typing import Literal

from holdfast.support.knowledge.errors import InvalidDocument

Form = Literal["markdown", "text", "html"]
Outcome = Literal["added", "updated", "unchanged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """A document as its author hands it in.

    `origin` is where it came from, for people to read (a file name); the id when left out.
    `title`, `audience` and `language` give way to the front matter of a Markdown text.
    """

    document_id: str
    content: str
    form: Form = "markdown"
    origin: str = ""
    title: str = ""
    audience: str = "public"
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document as it is kept. `version` grows by one with every change of content."""

    id: str
    title: str
    version: int
    sha256: str
    origin: str
    audience: str
    language: str
    passages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of one section, 1,200 characters at most.

    `score` compares passages of one search only. `rank` counts from 1; both are 0 for a passage
    that was not searched for.
    """

    document_id: str
    title: str
    heading_path: tuple[str, ...]
    anchor: str
    text: str
    version: int
    score: float = 0.0
    rank: int = 0

    @property
    def uri(self) -> str:
        """Where the passage stands, as a citation says it."""
        return f"kb:{self.document_id}#{self.anchor}" if self.anchor else f"kb:{self.document_id}"


@dataclass(frozen=True, slots=True)
class Addition:
    document: Document
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Report:
    """What came of adding several files: each is in one of the two."""

    additions: tuple[Addition, ...]
    refusals: tuple[InvalidDocument, ...]
