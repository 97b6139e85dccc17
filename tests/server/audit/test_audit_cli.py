"""`holdfast audit`, as an operator uses it on a service that is not running."""

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast import Keyring
from holdfast.cli import main
from holdfast.server.users.tables import USERS
from tests.security.processes import KEYS
from tests.server.audit.trails import Place

EVENTS = 25
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Twenty-five events of two users, in the data folder of the settings."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLDFAST_KEYS", KEYS.to_text())
    place = Place(data / "application.db", f"sqlite:///{data}/sessions.db")
    asyncio.run(_fill(place))
    return place


async def _fill(place: Place, keys: Keyring = KEYS) -> None:
    async with place.trail(keys) as trail:
        for number in range(EVENTS):
            actor = "anna" if number % 5 else "berta"
            await trail.record("login.ok", actor=actor, session_id=f"s{number}", n=number)


def _said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_whole_trail_is_verified(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how many rows there are and how the trail ends; `tail` says the same head."""
    assert main(["audit", "verify"]) == 0
    whole, head = _said(capsys)
    assert whole == f"The trail is whole: {EVENTS} rows."
    assert main(["audit", "tail", "-n", "3"]) == 0
    *rows, last = _said(capsys)
    assert last == head
    assert [row.split()[0] for row in rows] == ["23", "24", "25"]
    assert main(["audit", "verify", "--head", head.removeprefix("Head: ")]) == 0


def test_the_first_broken_row_fails_the_command(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named with what is wrong with it, and the exit code is 1."""
    with place.forced() as connection:
        connection.execute("UPDATE holdfast_audit SET outcome = 'ok!' WHERE number IN (7, 9)")
    assert main(["audit", "verify"]) == 1
    broken, rest = capsys.readouterr().err.splitlines()
    assert broken.startswith("Row 7: edited.")
    assert rest == "Rows 1 to 6 are whole."


def test_a_cut_tail_fails_the_command(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The anchor in the session store knows of the rows that are gone."""
    with place.forced() as connection:
        connection.execute("DELETE FROM holdfast_audit WHERE number > 20")
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr().err.startswith("Row 21: cut.")


def test_a_head_that_was_kept_elsewhere_counts(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trail that never had this head is not the one that it was taken from."""
    assert main(["audit", "verify", "--head", f"26:{'a' * 64}"]) == 1
    assert capsys.readouterr().err.startswith("Row 26: cut.")
    with pytest.raises(SystemExit) as wrong:
        main(["audit", "verify", "--head", "26"])
    assert wrong.value.code == 2


def test_events_of_one_user_are_found_without_their_name_being_kept(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who holds the keys can ask for a user or a session; the rows name neither."""
    assert main(["audit", "export", "--user", "berta"]) == 0
    rows = [json.loads(line) for line in _said(capsys)]
    assert [row["facts"]["n"] for row in rows] == [0, 5, 10, 15, 20]
    assert "berta" not in str(rows)
    assert main(["audit", "tail", "--session", "s13"]) == 0
    assert '{"n":13}' in _said(capsys)[0]
    assert main(["audit", "export", "--user", "nobody"]) == 0
    assert _said(capsys) == []


def test_events_of_a_user_are_found_under_name_and_id(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failures know the name alone, what a user did or suffered the id."""
    asyncio.run(_fill_for(place))
    assert main(["audit", "export", "--user", "Clara"]) == 0
    rows = [json.loads(line) for line in _said(capsys)]
    assert [row["event"] for row in rows] == ["login.failed", "login.ok", "user.disabled"]


async def _fill_for(place: Place) -> None:
    async with place.opened() as (database, _), database.writing() as connection:
        values = {
            "user_id": "user-of-clara", "name": "clara", "roles": [], "password_hash": "none",
            "disabled": False, "created_at": NOW, "password_changed_at": NOW,
        }  # fmt: skip
        await connection.execute(USERS.insert(), values)
    async with place.trail() as trail:
        await trail.record("login.failed", actor="clara")
        await trail.record("login.ok", actor="user-of-clara")
        await trail.record("login.ok", actor="user-of-dora")
        await trail.record("user.disabled", actor="x", user=trail.pseudonym("user-of-clara"))


def test_the_export_has_all_columns(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A line of JSON a row, with what links it to the one before."""
    assert main(["audit", "export"]) == 0
    rows = [json.loads(line) for line in _said(capsys)]
    assert len(rows) == EVENTS
    assert all(row["previous"] == before["hash"] for before, row in pairwise(rows))
    assert list(rows[0]) == [
        "number", "at", "event", "outcome", "actor", "session", "network", "request", "facts",
        "key_id", "previous", "hash",
    ]  # fmt: skip


def test_retired_keys_are_given_in_a_file(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Rows from before a rotation are checked, and their users found, with the keys of then."""
    old = tmp_path / "old.keys"
    old.touch(mode=0o600)
    old.write_text(KEYS.to_text())
    new = Keyring.generate("new")
    monkeypatch.setenv("HOLDFAST_KEYS", new.to_text())
    monkeypatch.setenv("HOLDFAST_STORE", "memory://")
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr().err.startswith("Row 1: unknown key.")
    assert main(["audit", "verify", "--keys-file", str(old)]) == 0
    assert main(["audit", "tail", "--keys-file", str(old), "--user", "berta", "-n", "1"]) == 0
    assert '{"n":20}' in _said(capsys)[-2]


def test_what_is_shown_cannot_move_the_cursor(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who could write to the file cannot write to the terminal of who reads it."""
    with place.forced() as connection:
        connection.execute("UPDATE holdfast_audit SET facts = char(27) || '[2J' WHERE number = 25")
    assert main(["audit", "tail", "-n", "1"]) == 0
    row, _ = _said(capsys)
    assert row.endswith(r"\x1b[2J")
    assert main(["audit", "export"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_where_no_trail_is_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong folder is an error, not an empty trail."""
    monkeypatch.chdir(tmp_path)
    assert main(["audit", "verify", "--data-dir", str(tmp_path / "none")]) == 1
    assert "There is no trail" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
