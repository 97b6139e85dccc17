"""`holdfast users` and `holdfast migrate`."""

import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest

from holdfast.cli import main
from holdfast.server.users import hashing

PASSWORD = "four lamps on a quiet quay"
OTHER = "a heron walked across ice"

Holdfast = Callable[..., tuple[int, str, str]]


@pytest.fixture
def holdfast(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Holdfast:
    """Runs one command in a folder of its own: its exit code, and what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hashing, "RECOMMENDED", hashing.Cost(64, 1, 1))

    def run(*arguments: str, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        try:
            code = main(arguments)
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def anna(holdfast: Holdfast) -> str:
    line = ("users", "add", "Anna", "--role", "admin", "--role", "staff", "--password-stdin")
    assert holdfast(*line, given=f"{PASSWORD}\n") == (0, "added anna\n", "")
    return "anna"


def _events(holdfast: Holdfast) -> list[str]:
    _, exported, _ = holdfast("audit", "export")
    return [json.loads(line)["event"] for line in exported.splitlines()]


def test_a_user_is_added_before_the_first_start(holdfast: Holdfast, anna: str) -> None:
    """In a folder where nothing is yet; the list shows name, roles and when it was."""
    code, shown, _ = holdfast("users", "list")
    assert code == 0
    name, roles, *_ = shown.split()
    assert (name, roles) == (anna, "admin,staff")
    assert _events(holdfast) == ["user.added"]


def test_too_many_wrong_passwords_are_shown_and_forgiven(
    holdfast: Holdfast, anna: str, tmp_path: Path
) -> None:
    """Who is locked is named, and let in again as who was disabled is."""
    with closing(sqlite3.connect(tmp_path / "data" / "application.db")) as connection, connection:
        failed = "INSERT INTO holdfast_streaks SELECT user_id, 80 FROM holdfast_users"
        connection.execute(failed)
    assert holdfast("users", "list")[1].split()[-1] == "locked"
    assert holdfast("users", "enable", anna)[0] == 0
    assert holdfast("users", "list")[1].split()[-1] != "locked"


def test_a_user_is_disabled_enabled_changed_and_removed(holdfast: Holdfast, anna: str) -> None:
    """Each is said, each is on the trail, and the list shows it."""
    assert holdfast("users", "disable", "ANNA") == (0, "disabled anna\n", "")
    assert holdfast("users", "list")[1].split()[-1] == "disabled"
    assert holdfast("users", "enable", anna) == (0, "enabled anna\n", "")
    assert holdfast("users", "list")[1].split()[-1] != "disabled"
    changed = holdfast("users", "password", anna, "--password-stdin", given=OTHER)
    assert changed == (0, "changed the password of anna\n", "")
    assert holdfast("users", "remove", anna) == (0, "removed anna\n", "")
    assert holdfast("users", "list") == (0, "", "")
    done = ["added", "disabled", "enabled", "changed", "removed"]
    assert [event.partition(".")[2] for event in _events(holdfast)] == done


def test_a_removal_can_be_made_again_until_sign_ins_have_ended(
    holdfast: Holdfast, anna: str
) -> None:
    """Who cannot be signed out stays, disabled: whoever is gone could never be named again."""
    code, shown, said = holdfast("users", "remove", anna, "--store", "redis://127.0.0.1:9/0")
    assert (code, shown) == (1, "disabled anna\n")
    assert "again" in said
    assert holdfast("users", "list")[1].split()[-1] == "disabled"
    assert holdfast("users", "remove", anna) == (0, "removed anna\n", "")
    assert holdfast("users", "list")[1] == ""


@pytest.mark.parametrize(
    ("line", "given", "why"),
    [
        (("add", "bert", "--role", "staff", "--password-stdin"), "short", "15"),
        (("add", "bert", "--role", "staff", "--password-stdin"), "", "15"),
        (("add", "be rt", "--role", "staff", "--password-stdin"), PASSWORD, "name"),
        (("add", "be\x1b[31mrt", "--role", "staff", "--password-stdin"), PASSWORD, "name"),
        (("add", "ANNA", "--role", "staff", "--password-stdin"), PASSWORD, "already"),
        (("add", "bert", "--role", "staff"), PASSWORD, "--password-stdin"),
        (("disable", "bert"), "", "no user 'bert'"),
        (("password", "bert", "--password-stdin"), PASSWORD, "no user 'bert'"),
        (("password", "anna", "--password-stdin"), "anna anna anna anna", "guessed"),
        (("remove", "an\x1b[31mna"), "", "no user"),
        (("import", "missing.json"), "", "missing.json"),
    ],
)
def test_what_cannot_be_done_is_said(
    holdfast: Holdfast, anna: str, line: tuple[str, ...], given: str, why: str
) -> None:
    """Exit code 1, one sentence, no control character, and nothing has changed."""
    before = holdfast("users", "list")
    code, shown, told = holdfast("users", *line, given=given)
    assert (code, shown) == (1, "")
    assert why in told
    assert "\x1b" not in told
    assert PASSWORD not in told
    assert holdfast("users", "list") == before


@pytest.mark.parametrize(
    "line",
    [
        ("add", "bert"),
        ("add", "bert", "--role", "owner"),
        ("import", "f", "--group", "a=owner"),
        (),
    ],
)
def test_a_wrong_command_line_is_said_with_code_2(
    holdfast: Holdfast, line: tuple[str, ...]
) -> None:
    """A role that there is not, and no role at all."""
    assert holdfast("users", *line)[0] == 2


def test_an_old_users_file_is_imported(holdfast: Holdfast, tmp_path: Path, anna: str) -> None:
    """Groups become roles; who is there stays; who cannot be taken is named, with the code 1."""
    hashed = bcrypt.hashpw(b"old", bcrypt.gensalt(4)).decode()
    users = {
        "anna": {"password_hash": hashed, "groups": ["staff"]},
        "bert": {"password_hash": hashed, "groups": ["Support", "guests"]},
        "cleo": {"password_hash": hashed, "groups": ["night shift"], "disabled": True},
        "dora": {"password_hash": "plain words", "groups": ["staff"]},
        "emil": {"password_hash": hashed, "groups": ["guests"]},
    }
    (tmp_path / "users.json").write_text(json.dumps({"users": users}))
    line = ("users", "import", "users.json", "--group", "night shift=staff")
    code, shown, told = holdfast(*line)
    assert code == 1
    assert told
    assert [tuple(entry.split()[:2]) for entry in shown.splitlines()] == [
        ("exists", "anna"),
        ("added", "bert"),
        ("added", "cleo"),
        ("refused", "'dora'"),
        ("refused", "'emil'"),
    ]
    assert hashed not in shown + told
    assert "plain words" not in shown + told
    listed = [line.split() for line in holdfast("users", "list")[1].splitlines()]
    assert [(words[0], words[1], words[-1] == "disabled") for words in listed] == [
        ("anna", "admin,staff", False),
        ("bert", "staff", False),
        ("cleo", "staff", True),
    ]
    assert _events(holdfast) == ["user.added", "user.imported", "user.imported"]


def test_nothing_of_a_file_that_cannot_be_read_is_imported(
    holdfast: Holdfast, tmp_path: Path
) -> None:
    """A file of another form is refused whole, without repeating what stands in it."""
    for content in ('{"users": 5}', '[{"name": "anna", "groups": "geheim"}]', "{", "\xff"):
        (tmp_path / "users").write_bytes(content.encode("latin-1"))
        code, shown, told = holdfast("users", "import", "users")
        assert (code, shown) == (1, "")
        assert "geheim" not in told
    assert holdfast("users", "list") == (0, "", "")


def test_the_database_is_made_and_brought_up_to_date(holdfast: Holdfast, tmp_path: Path) -> None:
    """`migrate` says what it did; one that is of a newer release stays as it is."""
    code, shown, _ = holdfast("migrate")
    assert code == 0
    assert "was new" in shown
    assert "is at migration" in holdfast("migrate")[1]
    with closing(sqlite3.connect(tmp_path / "data" / "application.db")) as file, file:
        file.execute("UPDATE holdfast_migrations SET version_num = 'of-tomorrow'")
    code, _, told = holdfast("migrate")
    assert code == 1
    assert "newer release" in told
