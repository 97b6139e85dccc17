"""The command `holdfast`."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import holdfast
from holdfast import Keyring, open_store
from holdfast.cli import main
from holdfast.server.model import ServiceSession


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_keys_are_generated(capsys: pytest.CaptureFixture[str]) -> None:
    """A new key is printed as a keyring reads it, under an id of one's own if wished."""
    assert main(["keys", "generate", "--id", "spring"]) == 0
    assert repr(Keyring.from_text(capsys.readouterr().out)) == "Keyring(spring)"
    assert main(["keys", "generate"]) == 0
    assert len(Keyring.from_text(capsys.readouterr().out)) == 1


def test_documents_are_added_listed_and_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Files and folders go in; the same content again is unchanged; a search shows passages."""
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "lamps.md").write_text("# Ship lamps\n\nA ship lamp burns paraffin oil.\n")
    (tmp_path / "ropes.txt").write_text("Ropes\n\nA rope is sold by the metre.\n")
    assert main(["knowledge", "add", "kb", "ropes.txt"]) == 0
    assert capsys.readouterr().out.split() == ["added", "lamps", "added", "ropes"]
    assert main(["knowledge", "add", "kb"]) == 0
    assert capsys.readouterr().out.split() == ["unchanged", "lamps"]
    assert main(["knowledge", "list"]) == 0
    assert "Ship lamps" in capsys.readouterr().out
    assert main(["knowledge", "search", "which", "oil", "for", "a", "ship", "lamp?"]) == 0
    found = capsys.readouterr().out
    assert "1. Ship lamps" in found
    assert "paraffin" in found


def test_refused_documents_are_named_with_the_rule(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An empty, a binary and a missing file are each named; the others go in; the code is 1."""
    (tmp_path / "good.md").write_text("# Good\n\nAll is well with this file.\n")
    (tmp_path / "empty.md").write_text("")
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)))
    files = ["good.md", "empty.md", "binary.txt", "missing.md"]
    assert main(["knowledge", "add", *files]) == 1
    shown = capsys.readouterr()
    assert shown.out.split() == ["added", "good"]
    for name in ("empty.md", "binary.txt", "missing.md"):
        assert name in shown.err


def test_a_document_of_another_file_is_not_replaced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Two files of one id are both named; a file that was edited or moved gives way to itself."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "faq.md").write_text(f"# Questions\n\nAll about the shop {folder}.\n")
    assert main(["knowledge", "add", "a/faq.md"]) == 0
    assert main(["knowledge", "add", "b/faq.md"]) == 1
    refused = capsys.readouterr().err
    assert str(tmp_path / "a" / "faq.md") in refused
    assert str(tmp_path / "b" / "faq.md") in refused
    (tmp_path / "a" / "faq.md").write_text("# Questions\n\nAll is new.\n")
    assert main(["knowledge", "add", str(tmp_path / "a")]) == 0
    (tmp_path / "a" / "faq.md").unlink()
    assert main(["knowledge", "add", "b"]) == 0
    assert capsys.readouterr().out.split() == ["updated", "faq", "updated", "faq"]


def test_a_pipe_is_no_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What would be waited for without end is refused."""
    os.mkfifo(tmp_path / "pipe.md")
    assert main(["knowledge", "add", "pipe.md"]) == 1
    assert "regular file" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_a_search_finds_one_passage_or_more(capsys: pytest.CaptureFixture[str], limit: str) -> None:
    """A limit below 1 is a wrong command line; an empty question is named."""
    with pytest.raises(SystemExit) as ended:
        main(["knowledge", "search", "lamp", f"--limit={limit}"])
    assert ended.value.code == 2
    assert "must be a whole number from 1 on" in capsys.readouterr().err
    assert main(["knowledge", "search", " "]) == 1
    assert "empty" in capsys.readouterr().err


def test_the_data_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Whichever command makes it."""
    assert main(["knowledge", "list"]) == 0
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_sessions_are_counted_listed_and_purged(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands look at the store of the settings, or at the one that is named."""
    keys = Keyring.generate()
    url = f"sqlite:///{tmp_path / 's.db'}"
    monkeypatch.setenv("HOLDFAST_KEYS", keys.to_text())

    async def fill() -> None:
        async with open_store(url, model=ServiceSession, keys=keys) as store:
            await store.create("kept", message_count=7)
            await store.create("brief", ttl=0.01)
            await asyncio.sleep(0.02)

    asyncio.run(fill())
    assert main(["sessions", "count", "--store", url]) == 0
    assert capsys.readouterr().out == "1\n"
    assert main(["sessions", "list", "--store", url]) == 0
    listed = capsys.readouterr().out.split()
    assert (listed[0], listed[-1]) == ("kept", "7")
    assert main(["sessions", "purge", "--store", url]) == 0
    assert capsys.readouterr().out == "1\n"


def test_what_is_wrong_is_said_on_standard_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file that is no store, and settings that do not work, end with 1 and a sentence."""
    (tmp_path / "no.db").write_text("this is no database, but some text of a certain length")
    (tmp_path / "data").mkdir()
    assert main(["sessions", "count", "--store", f"sqlite:///{tmp_path / 'no.db'}"]) == 1
    assert "no.db" in capsys.readouterr().err
    assert main(["serve", "--store", "postgresql://127.0.0.1/db"]) == 1
    assert "HOLDFAST_STORE" in capsys.readouterr().err


def test_a_wrong_command_line_ends_with_2() -> None:
    """Unknown commands and missing arguments are told apart from failures."""
    for arguments in ([], ["dance"], ["keys"], ["knowledge", "add"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


def test_the_command_runs_as_a_program() -> None:
    """`python -m holdfast.cli` is the command, and knows its version."""
    command = [sys.executable, "-m", "holdfast.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == f"holdfast {holdfast.__version__}\n"
