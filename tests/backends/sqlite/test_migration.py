"""A file of an earlier schema opens with all that it holds."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backends.sqlite import SQLiteBackend
from holdfast.backends.sqlite.schema import APPLICATION, VERSION
from holdfast.change import Change
from holdfast.keyring import Keyring
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing import ManualClock
from holdfast.testing.store_steps import Account

# Written by a release that knew schema 1 alone, at the time of these tests, with a key that was not
# refused then.
VERSION_1 = Path(__file__).with_name("version_1.sql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file of schema 1: a log with a hole, one item, an empty log, a remembered change."""
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """Give the keys of the file."""
    with monkeypatch.context() as patch:
        patch.setattr("holdfast.keyring._is_made_up", lambda _: False)
        return Keyring([("first", bytes(range(32)))])


def _store(path: Path, keys: Keyring) -> SessionStore[Account]:
    backend = SQLiteBackend(path, clock=ManualClock().clock)
    return SessionStore(
        backend, model=Account, keys=keys, terms=Terms(namespace="support", max_items=5)
    )


async def test_sessions_and_logs_are_as_they_were(path: Path, keys: Keyring) -> None:
    """Values, counters, flags, users, and each item under its number."""
    async with _store(path, keys) as store:
        alpha, beta, gamma = (await store.list_active()).sessions
        assert (alpha.session_id, alpha.revision, alpha.user_id) == ("alpha", 5, "ada")
        assert (alpha.topic, alpha.tags, alpha.visits) == ("refund", ["a", "é"], 2)
        assert alpha.escalated
        assert beta.metadata == {"colour": "green"}
        assert gamma.revision == 1
        log = await store.read_log("alpha")
        texts = {2: "two", 3: "three", 5: "five", 6: "six", 7: "seven"}
        assert {item.number: item.value for item in log.items} == texts
        assert (log.length, log.last_item) == (5, 7)
        assert [item.value for item in await store.items("beta")] == ["only"]
        assert await store.items("gamma") == []
        assert await store.count_active() == 3


async def test_work_goes_on_where_it_was(path: Path, keys: Keyring) -> None:
    """A repeated change is known, the log is appended to, trimmed and popped."""
    own = Change(
        add={"visits": 2}, claim=["escalated"], append=["five", "six", "seven"], change_id="mine"
    )
    async with _store(path, keys) as store:
        assert (await store.apply("alpha", own)).replayed
        assert await store.append("alpha", "eight", "nine") == 9
        assert [item.number for item in await store.items("alpha")] == [5, 6, 7, 8, 9]
        popped = await store.pop_item("beta")
        assert popped is not None
        assert popped.value == "only"
        assert await store.delete("alpha")
    async with _store(path, keys) as store:
        assert await store.get("alpha") is None
        assert await store.append("beta", "again") == 2


async def test_the_file_has_the_newest_schema_then(
    path: Path, tmp_path: Path, keys: Keyring
) -> None:
    """Table by table and index by index it is what a new file is."""
    async with _store(path, keys), _store(tmp_path / "new.db", keys):
        pass
    assert _schema(path) == _schema(tmp_path / "new.db")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _schema(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master"))
