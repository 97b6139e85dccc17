"""Citations: only what was found, numbered as its sources are."""

from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library


def test_citations_are_numbered_as_they_appear(knowledge: Knowledge) -> None:
    """The first cited passage is source 1, wherever the search had it."""
    library = Library(knowledge)
    found = library.search("What does it cost to rent a kayak?").passages
    assert len(found) >= 2
    cited = library.cite(f"Second [{found[1][0]}]. First [{found[0][0]}], again [{found[1][0]}].")
    assert cited.text == "Second [1]. First [2], again [1]."
    assert [source.rank for source in cited.sources] == [1, 2]
    assert [source.content for source in cited.sources] == [found[1][1].text, found[0][1].text]
    assert cited.confidence > 0


def test_what_was_not_found_cannot_be_cited(knowledge: Knowledge) -> None:
    """A number that no search gave is dropped; other brackets are text."""
    library = Library(knowledge)
    assert library.cite(
        "As [1] says [2, 3], see [note] and [here](https://shop.example)."
    ).text == ("As says, see [note] and [here](https://shop.example).")
    [(number, _), *_] = library.search("kayak").passages
    assert library.cite(f"Yes [{number}, 99].").text == "Yes [1]."
    assert library.cite("Yes [0][-1][999].").text == "Yes[-1]."


def test_nothing_cited_is_no_confidence(knowledge: Knowledge) -> None:
    """What was found and not used says nothing about the answer."""
    library = Library(knowledge)
    library.search("kayak")
    cited = library.cite("I do not know.")
    assert (cited.sources, cited.confidence) == ((), 0.0)


def test_a_passage_keeps_its_number(knowledge: Knowledge) -> None:
    """Found again, or read with its article, a passage is cited by the same number."""
    library = Library(knowledge)
    [(number, passage), *_] = library.search("kayak price").passages
    article = library.read(number)
    assert (number, passage.uri) in [(one, read.uri) for one, read in article]
    assert [read.text for _, read in article] == [
        one.text for one in knowledge.passages(passage.document_id)
    ]
    assert library.read(99) == ()
    assert list(library.used) == ["search_knowledge", "read_article"]
