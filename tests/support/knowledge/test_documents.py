"""Adding, replacing and removing documents."""

from pathlib import Path

import pytest

from holdfast.support.knowledge import InvalidDocument, Knowledge, Manuscript
from holdfast.support.knowledge.files import LARGEST


def manuscript(content: str, document_id: str = "returns") -> Manuscript:
    return Manuscript(document_id=document_id, content=content)


def test_the_same_content_again_is_unchanged(knowledge: Knowledge) -> None:
    """Adding twice does nothing, so a start may add all files."""
    first = knowledge.add(manuscript("# Returns\n\nWithin 30 days."))
    again = knowledge.add(manuscript("# Returns\n\nWithin 30 days."))
    assert (first.outcome, again.outcome) == ("added", "unchanged")
    assert again.document == first.document
    assert again.document.version == 1


def test_changed_content_is_a_new_version_and_the_old_text_is_gone(knowledge: Knowledge) -> None:
    """Neither search nor reading finds what an author took out."""
    knowledge.add(manuscript("# Returns\n\nWithin thirty days.\n\n## Zebra\n\nGone tomorrow."))
    update = knowledge.add(manuscript("# Returns\n\nWithin sixty days."))
    assert (update.outcome, update.document.version, update.document.passages) == ("updated", 2, 1)
    assert [found.text for found in knowledge.passages("returns")] == ["Within sixty days."]
    assert knowledge.search("zebra tomorrow").passages == ()
    assert [found.version for found in knowledge.search("sixty days").passages] == [2]


def test_a_new_audience_is_a_change_too(knowledge: Knowledge) -> None:
    """What is said beside the content counts."""
    knowledge.add(manuscript("Within 30 days."))
    update = knowledge.add(
        Manuscript(document_id="returns", content="Within 30 days.", audience="staff")
    )
    assert (update.outcome, update.document.audience) == ("updated", "staff")


def test_a_removed_document_is_gone_from_everywhere(knowledge: Knowledge) -> None:
    """Removing says whether there was one."""
    knowledge.add(manuscript("# Returns\n\nWithin 30 days."))
    assert knowledge.remove("returns")
    assert not knowledge.remove("returns")
    assert knowledge.documents() == []
    assert knowledge.document("returns") is None
    assert knowledge.passages("returns") == []
    assert knowledge.search("returns").passages == ()


@pytest.mark.parametrize(
    ("document_id", "content", "rule"),
    [
        ("returns", "", "must not be empty"),
        ("returns", " \n\t", "must not be empty"),
        ("returns", "# Only a title\n\n## And another\n", "must hold text"),
        ("returns", "a\0b", "NUL"),
        ("returns", "a\ud800b", "half characters"),
        ("", "Text.", "document id"),
        ("a b", "Text.", "document id"),
        ("a#b", "Text.", "document id"),
        ("a\nb", "Text.", "document id"),
        ("x" * 201, "Text.", "document id"),
    ],
)
def test_a_document_that_breaks_a_rule_is_refused(
    knowledge: Knowledge, document_id: str, content: str, rule: str
) -> None:
    """The error says what was given and how it must be, and what was there before stays."""
    knowledge.add(manuscript("# Returns\n\nWithin 30 days."))
    with pytest.raises(InvalidDocument, match=rule) as refusal:
        knowledge.add(manuscript(content, document_id))
    assert isinstance(refusal.value, ValueError)
    assert [found.text for found in knowledge.passages("returns")] == ["Within 30 days."]
    assert [document.version for document in knowledge.documents()] == [1]


def test_a_folder_is_read_with_all_that_is_below_it(knowledge: Knowledge, tmp_path: Path) -> None:
    """Ids come from the paths; hidden files are passed over."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one page.md").write_text("# One\n\nFirst.")
    (tmp_path / "two.HTML").write_text("<h1>Two</h1><p>Second.")
    (tmp_path / "three.txt").write_text("\ufeffThird.\r\n\r\nMore.", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "four.md").write_text("Fourth.")
    report = knowledge.add_paths([tmp_path])
    assert report.refusals == ()
    assert [document.id for document in knowledge.documents()] == ["a/one-page", "three", "two"]
    assert [found.text for found in knowledge.passages("three")] == ["Third.\n\nMore."]
    assert [found.uri for found in knowledge.passages("a/one-page")] == ["kb:a/one-page#one"]


def test_a_refused_file_is_named_and_the_others_are_added(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    """Each refusal names file and rule; a file is added whole or not at all."""
    (tmp_path / "binary.md").write_bytes(b"# T\n\nText\0")
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "good.md").write_text("# Good\n\nText.")
    (tmp_path / "good.txt").write_text("The same id.")
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "title-only.md").write_text("# Title\n")
    report = knowledge.add_paths([tmp_path, tmp_path / "absent.md"])
    rules = {Path(refusal.origin).name: refusal.rule for refusal in report.refusals}
    assert rules == {
        "absent.md": "cannot be read: No such file or directory",
        "binary.md": "must be UTF-8 text, not binary: it holds NUL bytes",
        "empty.md": "must not be empty",
        "good.txt": f"has the document id 'good' of {tmp_path / 'good.md'}",
        "latin.txt": "must be UTF-8 text, not binary",
        "photo.png": "must end in one of .md, .markdown, .txt, .html, .htm",
        "title-only.md": "must hold text below its title, not headings only",
    }
    assert [document.id for document in knowledge.documents()] == ["good"]
    assert str(report.refusals[0]) == f"{tmp_path / 'binary.md'}: {rules['binary.md']}"


def test_a_file_of_50_megabytes_is_refused_unread(knowledge: Knowledge, tmp_path: Path) -> None:
    """The size is asked for first; the file here has no blocks on disk."""
    large = tmp_path / "large.md"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    [refusal] = knowledge.add_paths([large]).refusals
    assert refusal.rule == f"must not be larger than {LARGEST:,} bytes; it has 50,000,000"
    assert knowledge.documents() == []
