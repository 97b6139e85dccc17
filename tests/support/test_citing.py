"""Citations in a text that arrives piece by piece."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from holdfast.support.engines.pieces import pieces
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library

PARTS = [
    "a",
    "b.",
    " ",
    "  ",
    "\n",
    "[1]",
    " [2]",
    "[9]",
    "[1, 2]",
    "[2,9]",
    "[",
    "]",
    "[1",
    ", 3]",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


@given(text=TEXTS, cuts=st.lists(st.integers(0, 60), max_size=12))
def test_pieces_make_the_same_text_as_the_whole(
    articles: Knowledge, text: str, cuts: list[int]
) -> None:
    """However a text is cut, what was told is the text as it is when it comes whole."""
    library = Library(articles)
    library.search("How do I return an item?")
    citations = library.citing()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    told = "".join(citations.feed(text[start:end]) for start, end in pairwise(places))
    assert told + citations.close() == library.cite(text).text


@given(text=st.text(max_size=200))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    """Nothing is lost or moved where a text is cut between words."""
    assert "".join(pieces(text)) == text


def test_half_a_citation_waits(knowledge: Knowledge) -> None:
    """Nobody sees a number that is not a source's."""
    library = Library(knowledge)
    found = library.search("What does it cost to rent a kayak?").passages
    citations = library.citing()
    number = found[1][0]
    told = [
        citations.feed(piece)
        for piece in ("Twelve ", "euros [", f"{number}", "] an hour [9", "9].")
    ]
    assert told == ["Twelve", " euros", "", " [1] an hour", "."]
    assert citations.close() == ""
    assert [source.rank for source in citations.cited("".join(told)).sources] == [1]
