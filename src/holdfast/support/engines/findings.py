"""What the tools tell a model: plain JSON."""

from collections.abc import Iterable

from typing_extensions import TypedDict

from holdfast.support.knowledge import Passage
from holdfast.support.library import Found


class FoundPassage(TypedDict):
    """One passage; it is cited by its number. `section` is empty for an article's beginning."""

    number: int
    article: str
    section: str
    text: str
    score: float


class SearchResult(TypedDict):
    """What a search found, the best first; `sufficient` says whether it is likely to answer."""

    sufficient: bool
    passages: list[FoundPassage]


class Article(TypedDict):
    """The passages of one article in order."""

    article: list[FoundPassage]


def search_result(found: Found) -> SearchResult:
    """Write down a search."""
    return {"sufficient": found.evidence.sufficient, "passages": _passages(found.passages)}


def article(passages: Iterable[tuple[int, Passage]]) -> Article:
    """Write down an article."""
    return {"article": _passages(passages)}


def _passages(passages: Iterable[tuple[int, Passage]]) -> list[FoundPassage]:
    return [
        {
            "number": number,
            "article": passage.title,
            "section": " > ".join(passage.heading_path),
            "text": passage.text,
            "score": round(passage.score, 4),
        }
        for number, passage in passages
    ]
