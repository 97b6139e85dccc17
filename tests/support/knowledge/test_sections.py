"""How documents are cut."""

from itertools import pairwise

import pytest

from holdfast.support.knowledge import Form, Manuscript
from holdfast.support.knowledge.reading import Reading, read
from holdfast.support.knowledge.reading.chunking import LONGEST

LINES = "".join(f"line {number}\n" for number in range(700))
SENTENCES = [f"Sentence number {number} says what it says about parcels." for number in range(90)]


def reading(content: str, form: Form = "markdown") -> Reading:
    return read(Manuscript(document_id="returns/how-to", content=content, form=form))


def test_a_document_is_cut_at_its_headings_and_keeps_the_path_to_each() -> None:
    """Each passage knows the headings above it; the first one of level 1 is the title."""
    found = reading(
        "# Returns\n\nLead.\n\n## By post\n\nA.\n\n### Label\n\nB.\n\n## In person\n\nC.\n"
    )
    assert found.title == "Returns"
    assert [(part.heading_path, part.text) for part in found.passages] == [
        ((), "Lead."),
        (("By post",), "A."),
        (("By post", "Label"), "B."),
        (("In person",), "C."),
    ]


@pytest.mark.parametrize("fence", ["```", "~~~~"])
def test_what_looks_like_a_heading_in_fenced_code_is_code(fence: str) -> None:
    """`# install` in a fence is a comment of a shell, not a heading."""
    found = reading(f"# Set-up\n\nRun:\n\n{fence}sh\n# install\nmake\n{fence}\n")
    assert [part.text for part in found.passages] == ["Run:\n\n# install\nmake"]


def test_a_line_of_hyphens_under_text_makes_it_a_heading() -> None:
    """Both ways of writing a heading are read."""
    found = reading("Returns\n=======\n\nLead.\n\nBy post\n-------\n\nA.\n")
    assert found.title == "Returns"
    assert [part.heading_path for part in found.passages] == [(), ("By post",)]


def test_markup_is_dropped_and_the_shape_of_lists_and_tables_is_kept() -> None:
    """A reader of plain text sees words, numbers and rows, and no link targets."""
    found = reading(
        "# T\n\nSee **the** [guide](https://shop.example/x) *now*.\n\n"
        "1. Open `Orders`.\n2. Choose:\n   - one\n   - two\n\n| a | b |\n|---|---|\n| c | d |\n"
    )
    assert found.passages[0].text == (
        "See the guide now.\n\n1. Open Orders.\n2. Choose:\n  - one\n  - two\n\na | b\nc | d"
    )


def test_a_text_without_headings_is_one_section() -> None:
    """Plain text knows no headings; the title comes from the id."""
    found = reading("First.\n\n# not a heading here\n", form="text")
    assert found.title == "How to"
    assert [part.text for part in found.passages] == ["First.\n\n# not a heading here"]


def test_a_page_is_read_without_scripts_and_navigation() -> None:
    """What a visitor does not read is not searched."""
    found = reading(
        "<html><head><title>Help: returns</title><style>p{}</style></head><body>"
        "<nav><ul><li>Home</ul></nav><h1>Returns</h1><p>Send it <b>back</b>\n in 30&nbsp;days.</p>"
        "<script>track('h2')</script><h2>Steps</h2><ol><li><p>Open</p></li><li>Print</li></ol>"
        "<table><tr><th>a</th><td>b</td></tr></table><pre>x\n  y</pre></body></html>",
        form="html",
    )
    assert found.title == "Returns"
    assert [(part.heading_path, part.text) for part in found.passages] == [
        ((), "Send it back in 30 days."),
        (("Steps",), "1. Open\n2. Print\n\na | b\n\nx\n  y"),
    ]


def test_the_title_element_names_a_page_without_a_first_heading() -> None:
    """Many pages carry their name in the head alone."""
    found = reading("<title>Returns</title><p>Text.</p><h2>More</h2>m", form="html")
    assert found.title == "Returns"
    assert [part.text for part in found.passages] == ["Text.", "m"]


def test_anchors_are_unique_and_written_as_github_writes_them() -> None:
    """A citation points to one place, also where headings repeat."""
    found = reading(
        "# A b!\n\nx\n\n## Steps\n\nx\n\n## Steps\n\nx\n\n## Steps 1\n\nx\n\n## ?\n\nx\n"
    )
    assert [part.anchor for part in found.passages] == [
        "a-b",
        "steps",
        "steps-1",
        "steps-1-1",
        "section",
    ]


@pytest.mark.parametrize("count", [25, 40, 58, 90])
def test_a_long_section_is_cut_between_sentences_into_like_pieces(count: int) -> None:
    """No piece is longer than the limit, none is a scrap, and no sentence is broken."""
    texts = [part.text for part in reading(" ".join(SENTENCES[:count]), form="text").passages]
    assert len(texts) > 1
    assert all(LONGEST / 2 < len(text) <= LONGEST for text in texts)
    assert all(text.startswith("Sentence") and text.endswith("parcels.") for text in texts)


def test_neighbouring_pieces_share_one_sentence_and_lose_none() -> None:
    """What stands at a cut is found with what came before it."""
    texts = [part.text for part in reading(" ".join(SENTENCES), form="text").passages]
    pieces = [text.replace(". ", ".\n").split("\n") for text in texts]
    assert all(before[-1] == after[0] for before, after in pairwise(pieces))
    assert list(dict.fromkeys(sentence for piece in pieces for sentence in piece)) == SENTENCES


def test_pieces_of_one_section_have_its_anchor() -> None:
    """All pieces are cited as the section that they come from."""
    found = reading("# T\n\n## S\n\n" + " ".join(SENTENCES))
    assert {(part.anchor, part.heading_path) for part in found.passages} == {("s", ("S",))}


@pytest.mark.parametrize("text", ["x" * 5_000, "é" * 1_201, "word " * 2_000])
def test_text_without_sentences_is_cut_all_the_same(text: str) -> None:
    """Nothing that is written makes a piece longer than the limit."""
    texts = [part.text for part in reading(text, form="text").passages]
    assert all(0 < len(part) <= LONGEST for part in texts)
    assert "".join("".join(texts).split()) == "".join(text.split())


def test_short_lines_are_cut_between_lines() -> None:
    """Lists and code without a full stop lose no line."""
    texts = [part.text for part in reading(LINES, form="text").passages]
    assert all(len(part) <= LONGEST for part in texts)
    assert list(dict.fromkeys("\n".join(texts).split("\n"))) == LINES.strip().split("\n")


def test_front_matter_names_title_audience_language_and_keywords() -> None:
    """It describes the document and is no part of its text."""
    found = reading(
        '---\ntitle: "Returns"\naudience: staff\nlanguage: de\nkeywords: give back\n---\nText.\n'
    )
    assert (found.title, found.audience, found.language) == ("Returns", "staff", "de")
    assert found.keywords == "give back"
    assert [part.text for part in found.passages] == ["Text."]


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    """Text between two rules is kept when its lines are not `key: value`."""
    found = reading("---\nJust a thought\n\n---\nText.\n")
    assert "Just a thought" in " ".join(
        [found.title, *(part.text for part in found.passages), *found.passages[0].heading_path]
    )
