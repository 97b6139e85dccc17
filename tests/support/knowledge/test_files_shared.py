"""One file, several connections and processes."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.support.knowledge import Knowledge, KnowledgeUnavailable, Manuscript

WRITER = """
import sys
from holdfast.support.knowledge import Knowledge, Manuscript

name, path = sys.argv[1:]
with Knowledge(path) as knowledge:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(40):
        knowledge.add(Manuscript(document_id=f"{name}-{number}", content=f"Own text of {name}."))
        shared = Manuscript(document_id=f"shared-{number}", content="# Shared\\n\\nSame text.")
        knowledge.add(shared)
"""


def writer(name: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_together(writers: list[subprocess.Popen[str]]) -> None:
    for process in writers:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in writers:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def test_two_processes_write_one_file_and_a_third_reads_it(tmp_path: Path) -> None:
    """Both create the file, all documents are there once, and reading goes on meanwhile."""
    path = tmp_path / "knowledge.db"
    writers = [writer("first", path), writer("second", path)]
    try:
        start_together(writers)
        with Knowledge(path) as knowledge:
            while any(process.poll() is None for process in writers):
                assert all(found.text for found in knowledge.search("shared own text").passages)
            documents = knowledge.documents()
            assert len(knowledge.search("shared", limit=50).passages) == 40
    finally:
        for process in writers:
            process.communicate(timeout=30)
    assert [process.returncode for process in writers] == [0, 0]
    assert len(documents) == 120
    assert {document.version for document in documents} == {1}


def test_what_another_connection_wrote_is_found_at_once(tmp_path: Path) -> None:
    """Nothing that is remembered between searches outlives a write."""
    path = tmp_path / "knowledge.db"
    with Knowledge(path) as here, Knowledge(path) as there:
        for number, word in enumerate(["apple", "pear", "plum"], start=1):
            assert here.search(word).passages == ()
            there.add(Manuscript(document_id="fruit", content=f"All about the {word}."))
            [found] = here.search(word).passages
            assert (found.text, found.version) == (f"All about the {word}.", number)
        there.add(Manuscript(document_id="fruit", content="Plum.", audience="staff"))
        assert here.search("plum").passages == ()


def test_documents_outlive_the_process(tmp_path: Path) -> None:
    """A file is opened again with what was added."""
    with Knowledge(tmp_path / "knowledge.db") as knowledge:
        knowledge.add(Manuscript(document_id="a", content="Text."))
    with Knowledge(str(tmp_path / "knowledge.db")) as again:
        assert [document.id for document in again.documents()] == ["a"]


def no_database(path: Path) -> None:
    path.write_bytes(b"This is no database, but it is long enough to be read as one." * 20)


def other_application(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id)")
    connection.close()


def newer_schema(path: Path) -> None:
    Knowledge(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (no_database, "not a database"),
        (other_application, "another application"),
        (newer_schema, "schema 99"),
    ],
)
def test_a_file_that_is_no_knowledge_base_is_refused_untouched(
    make: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    """The error names the file and says why."""
    path = tmp_path / "knowledge.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(KnowledgeUnavailable, match=reason) as refusal:
        Knowledge(path)
    assert refusal.value.path == str(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    """No driver error reaches a caller."""
    with pytest.raises(KnowledgeUnavailable, match="unable to open"):
        Knowledge(tmp_path / "absent" / "knowledge.db")


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    """A document is replaced whole or not at all."""
    path = tmp_path / "knowledge.db"
    with Knowledge(path) as knowledge:
        knowledge.add(Manuscript(document_id="a", content="Old text."))
        with sqlite3.connect(path) as connection:
            connection.execute(
                "CREATE TRIGGER refuse AFTER INSERT ON kb_chunk WHEN new.position = 1 "
                "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
        connection.close()
        with pytest.raises(KnowledgeUnavailable, match="the disk is full"):
            knowledge.add(Manuscript(document_id="a", content="# T\n\nNew.\n\n## S\n\nMore."))
        assert [passage.text for passage in knowledge.passages("a")] == ["Old text."]
        assert [passage.version for passage in knowledge.search("old text").passages] == [1]
