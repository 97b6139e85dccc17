"""Reads a manuscript: its rules, its title, its sections."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.support.knowledge.document import Form, Manuscript
from holdfast.support.knowledge.errors import InvalidDocument
from holdfast.support.knowledge.reading import front_matter, markdown, plain_text, web_page
from holdfast.support.knowledge.reading.block import Block
from holdfast.support.knowledge.reading.chunking import chunks
from holdfast.support.knowledge.reading.section import Section, sections, title_and_rest

_LONGEST_ID = 200
_AUDIENCE = re.compile(r"public|visitor|staff|admin|user:[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a manuscript.

    A section that is longer than a passage may be stands in `passages` several times, each time
    with the next piece of its text. `keywords` are other words for the subject, as customers say
    them: they are searched like the title and never shown.
    """

    title: str
    audience: str
    language: str
    keywords: str
    passages: Sequence[Section]


def read(manuscript: Manuscript) -> Reading:
    """Find the title and cut the text.

    Raises:
        InvalidDocument: the id or the content breaks a rule.
    """
    _check(manuscript)
    text = manuscript.content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    fields: Mapping[str, str] = {}
    if manuscript.form == "markdown":
        fields, text = front_matter.split(text)
    heading, blocks = title_and_rest(_blocks(manuscript.form, text))
    title = fields.get("title") or manuscript.title or heading or _spoken(manuscript.document_id)
    found = sections(title, blocks)
    if not found:
        raise InvalidDocument(
            _name(manuscript), "must hold text below its title, not headings only"
        )
    return Reading(
        title=title,
        audience=_audience(manuscript, fields.get("audience", manuscript.audience)),
        language=fields.get("language") or manuscript.language,
        keywords=fields.get("keywords", ""),
        passages=[replace(part, text=text) for part in found for text in chunks(part.text)],
    )


def _audience(manuscript: Manuscript, said: str) -> str:
    """Refuse an audience that is misspelt, or left empty: nobody may be meant, or everybody."""
    if not _AUDIENCE.fullmatch(said):
        rule = "audience: must be public, visitor, staff, admin, or user:<id>"
        raise InvalidDocument(_name(manuscript), rule)
    return said


def _blocks(form: Form, text: str) -> list[Block]:
    match form:
        case "markdown":
            return markdown.blocks(text)
        case "html":
            return web_page.blocks(text)
        case "text":
            return plain_text.blocks(text)


def _check(manuscript: Manuscript) -> None:
    document_id, content = manuscript.document_id, manuscript.content
    if not document_id or len(document_id) > _LONGEST_ID or _is_unsafe(document_id):
        rule = f"the document id must be 1-{_LONGEST_ID} printable characters without spaces or #"
        raise InvalidDocument(_name(manuscript), rule)
    if "\0" in content or any("\ud800" <= character <= "\udfff" for character in content):
        raise InvalidDocument(_name(manuscript), "must be text: it holds NUL or half characters")
    if not content.strip():
        raise InvalidDocument(_name(manuscript), "must not be empty")


def _is_unsafe(document_id: str) -> bool:
    return not document_id.isprintable() or any(mark in document_id for mark in " #")


def _name(manuscript: Manuscript) -> str:
    return manuscript.origin or ascii(manuscript.document_id)


def _spoken(document_id: str) -> str:
    return document_id.rpartition("/")[2].replace("-", " ").replace("_", " ").capitalize()
