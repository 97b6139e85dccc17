"""What the trail keeps, and what it notices."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import Keyring, open_store
from holdfast.server.audit import EVENTS, Trail
from holdfast.server.audit.chain import EMPTY, GENESIS, Head
from holdfast.server.audit.events import EVERYDAY
from holdfast.server.audit.repeats import MOST_PLACES, Repeats
from holdfast.server.audit.trail import coarse
from holdfast.server.audit.writer import MOST_WAITING, Writer
from holdfast.server.database import DatabaseUnavailable
from holdfast.testing.manual_clock import ManualClock
from tests.security.processes import KEYS
from tests.server.audit.trails import Damage, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "application.db", f"sqlite:///{tmp_path}/sessions.db")


@pytest.fixture
async def trail(place: Place) -> AsyncIterator[Trail]:
    async with place.trail() as trail:
        yield trail


def rows_of(place: Place) -> list[dict[str, Any]]:
    connection = sqlite3.connect(place.file)
    connection.row_factory = sqlite3.Row
    found = [
        dict(row) for row in connection.execute("SELECT * FROM holdfast_audit ORDER BY number")
    ]
    connection.close()
    return found


async def test_an_event_is_on_the_disk_when_record_returns(trail: Trail, place: Place) -> None:
    """Another connection reads it: time, event, outcome, pseudonyms, network, request, facts."""
    await trail.record(
        "login.failed", outcome="refused", actor="mallory", session_id="s-1",
        network="203.0.113.77", request_id="r-1", reason="password wrong", tries=3,
    )  # fmt: skip
    (row,) = rows_of(place)
    assert row["event"] == "login.failed"
    assert row["outcome"] == "refused"
    assert row["at"].endswith("+00:00")
    assert row["network"] == "203.0.113.0/24"
    assert row["request"] == "r-1"
    assert json.loads(row["facts"]) == {"reason": "password wrong", "tries": 3}
    assert row["actor"].startswith("security.")
    assert row["session"].startswith("security.")
    assert "mallory" not in str(row)
    assert "s-1" not in str(row)
    assert (row["number"], row["previous"]) == (1, GENESIS)


async def test_one_id_has_one_pseudonym(trail: Trail, place: Place) -> None:
    """A user is the same in all their events, and somebody else is not; nor is a session."""
    for actor in ("anna", "anna", "berta"):
        await trail.record("login.ok", actor=actor, session_id="anna")
    anna, again, berta = rows_of(place)
    assert anna["actor"] == again["actor"] != berta["actor"]
    assert anna["actor"] != anna["session"]


async def test_what_is_no_event_or_a_secret_is_refused(trail: Trail, place: Place) -> None:
    """Neither a name that is not in the list, nor a fact that is named like a secret."""
    with pytest.raises(ValueError, match=r"login\.okay"):
        await trail.record("login.okay")
    with pytest.raises(ValueError, match="old_password"):
        await trail.record("password.changed", old_password="x")
    assert rows_of(place) == []


async def test_everyday_events_are_written_too(place: Place) -> None:
    """Nobody waits for them, and the end of the service does."""
    async with place.trail() as trail:
        for event in EVERYDAY:
            await trail.record(event)
    assert {row["event"] for row in rows_of(place)} == EVERYDAY < EVENTS


async def test_what_is_written_at_once_is_linked_in_order(place: Place) -> None:
    """Two hundred calls at the same time make two hundred rows, in few transactions."""
    async with place.trail() as trail:
        await asyncio.gather(*(trail.record("logout", actor=str(n)) for n in range(200)))
    verdict = await place.verdict()
    assert verdict.head.rows == 200
    assert verdict.broken is None


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("testclient", None),
        (None, None),
    ],
)
def test_networks_are_coarse(address: str | None, named: str | None) -> None:
    """An address is kept as its /24 or /64, and what is no address not at all."""
    assert coarse(address) == named


async def test_a_database_that_is_out_is_told_to_who_waits(
    trail: Trail, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """The call raises, and the next one after it is well again is written."""
    with place.forced() as connection:
        connection.execute("ALTER TABLE holdfast_audit RENAME TO elsewhere")
        connection.commit()
        with pytest.raises(DatabaseUnavailable):
            await trail.record("login.ok")
        connection.execute("ALTER TABLE elsewhere RENAME TO holdfast_audit")
    assert "audit.not_written" in caplog.text
    await trail.record("login.ok")
    assert [row["number"] for row in rows_of(place)] == [1]


async def test_a_trail_that_has_ended_takes_nothing(place: Place) -> None:
    """It says so at once instead of waiting for ever."""
    async with place.trail() as trail:
        pass
    with pytest.raises(DatabaseUnavailable):
        await trail.record("logout")
    await trail.record("rate.limited")
    assert rows_of(place) == []


async def test_everyday_events_are_left_out_where_too_many_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The queue is bounded, and the log tells what is not on the trail."""
    trail = Trail(KEYS, writer=Writer())
    for _ in range(MOST_WAITING):
        await trail.record("budget.settled")
    assert "audit.left_out" not in caplog.text
    await trail.record("budget.settled")
    assert "audit.left_out" in caplog.text


async def test_what_strangers_repeat_is_told_once_a_minute(place: Place) -> None:
    """By event and network, with how many were left out; what somebody did is always told."""
    clock = ManualClock()
    async with place.trail(clock=clock.clock) as trail:
        for second in range(121):
            for network in ("203.0.113.1", "203.0.113.200", "198.51.100.1"):
                await trail.record("session.unknown", outcome="refused", network=network)
            if second % 60 == 0:
                await trail.record("login.failed", outcome="refused", network="203.0.113.1")
            clock.advance(1)
    told = [
        (row["event"], row["network"], json.loads(row["facts"]).get("left_out", 0))
        for row in rows_of(place)
    ]
    assert sorted(told) == sorted(
        [
            *[("login.failed", "203.0.113.0/24", 0)] * 3,
            *[("session.unknown", "203.0.113.0/24", left_out) for left_out in (0, 119, 119)],
            *[("session.unknown", "198.51.100.0/24", left_out) for left_out in (0, 59, 59)],
        ]
    )


def test_places_are_bounded() -> None:
    """A stranger with many networks takes no more memory than so many of them."""
    repeats = Repeats(ManualClock().clock)
    for number in range(2 * MOST_PLACES):
        assert repeats.left_out("session.unknown", str(number)) == 0
    assert repeats.left_out("session.unknown", str(2 * MOST_PLACES - 1)) is None
    assert repeats.left_out("session.unknown", "0") == 0


def _swap(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE holdfast_audit SET number = -3 WHERE number = 3")
    connection.execute("UPDATE holdfast_audit SET number = 3 WHERE number = 4")
    connection.execute("UPDATE holdfast_audit SET number = 4 WHERE number = -3")


def _close_the_gap(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM holdfast_audit WHERE number = 3")
    for number in range(4, 11):
        connection.execute(
            "UPDATE holdfast_audit SET number = ? WHERE number = ?", (number - 1, number)
        )


def _sql(statement: str) -> Damage:
    return lambda connection: connection.execute(statement)


def _set(column: str, value: str) -> Damage:
    return _sql(f"UPDATE holdfast_audit SET {column} = {value} WHERE number = 5")


DAMAGES: dict[str, tuple[Damage, int, str]] = {
    "time edited": (_set("at", "'2026-01-01T00:00:00.000000+00:00'"), 5, "edited"),
    "event edited": (_set("event", "'login.failed'"), 5, "edited"),
    "outcome edited": (_set("outcome", "'refused'"), 5, "edited"),
    "actor edited": (_set("actor", "'somebody'"), 5, "edited"),
    "actor taken away": (_set("actor", "NULL"), 5, "edited"),
    "session edited": (_set("session", "'9'"), 5, "edited"),
    "network edited": (_set("network", "'198.51.100.0/24'"), 5, "edited"),
    "empty in place of nothing": (_set("request", "''"), 5, "edited"),
    "facts edited": (_set("facts", "'{}'"), 5, "edited"),
    "hash edited": (_set("hash", f"'{'0' * 64}'"), 5, "edited"),
    "hash is no hash": (_set("hash", "'\u00e9'"), 5, "edited"),
    "a number in place of text": (_set("network", "7"), 5, "edited"),
    "bytes in place of text": (_set("event", "x'ff00'"), 5, "edited"),
    "text that is none": (_set("event", "CAST(x'ff' AS TEXT)"), 5, "edited"),
    "nothing in place of facts": (_set("facts", "''"), 5, "edited"),
    "link edited": (_set("previous", f"'{'0' * 64}'"), 5, "edited"),
    "key edited": (_set("key_id", "'9'"), 5, "unknown key"),
    "one deleted": (_sql("DELETE FROM holdfast_audit WHERE number = 3"), 3, "deleted"),
    "the first deleted": (_sql("DELETE FROM holdfast_audit WHERE number = 1"), 1, "deleted"),
    "several deleted": (_sql("DELETE FROM holdfast_audit WHERE number IN (3, 4)"), 3, "deleted"),
    "deleted and renumbered": (_close_the_gap, 3, "swapped"),
    "swapped": (_swap, 3, "swapped"),
    "the last one cut": (_sql("DELETE FROM holdfast_audit WHERE number = 10"), 10, "cut"),
    "everything cut": (_sql("DELETE FROM holdfast_audit"), 1, "cut"),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_the_first_broken_row_is_named(place: Place, damage: str) -> None:
    """Whatever was done to the file, the first row that is not what was written is named."""
    async with place.trail() as trail:
        for number in range(10):
            await trail.record(
                "login.ok", actor="anna", session_id="s", network="203.0.113.1", n=number
            )
    assert (await place.verdict()).broken is None
    do, row, kind = DAMAGES[damage]
    with place.forced() as connection:
        do(connection)
    head, broken = await place.verdict()
    assert broken is not None
    assert (broken.row, broken.kind) == (row, kind)
    assert head.rows == row - 1


async def test_rows_of_another_trail_are_not_genuine(place: Place, tmp_path: Path) -> None:
    """A row that another key made, or the same key for another namespace, does not verify."""
    async with place.trail(Keyring.generate("security")) as trail:
        await trail.record("login.ok")
    async with open_store(place.store_url, keys=KEYS) as store:
        assert await store.count_active() == 0
    elsewhere = Place(place.file, f"sqlite:///{tmp_path}/other.db")
    assert (await elsewhere.verdict()).broken is not None


async def test_a_cut_is_noticed_while_the_service_runs(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """The next event finds what is missing; it is logged, put on the trail, and stays there."""
    async with place.trail() as trail:
        for _ in range(5):
            await trail.record("login.ok")
    async with place.trail() as trail:
        with place.forced() as connection:
            connection.execute("DELETE FROM holdfast_audit WHERE number > 3")
        await trail.record("logout")
    assert [record.levelno for record in caplog.records if record.message == "trail.cut"] == [
        logging.ERROR
    ]
    rows = rows_of(place)
    assert [row["event"] for row in rows] == [*["login.ok"] * 3, "logout", "trail.cut"]
    assert json.loads(rows[-1]["facts"])["anchored"].startswith("5:")
    assert (await place.verdict()).broken is None


async def test_a_cut_is_noticed_at_the_start(place: Place) -> None:
    """What was cut while nobody ran the service is the first thing it finds."""
    async with place.trail() as trail:
        await trail.record("login.ok")
        await trail.record("logout")
    with place.forced() as connection:
        connection.execute("DELETE FROM holdfast_audit")
    async with place.trail():
        pass
    assert [row["event"] for row in rows_of(place)] == ["trail.cut"]


async def test_a_head_that_was_written_down_is_an_anchor(place: Place) -> None:
    """It tells of a cut although database and session store went back together."""
    async with place.trail() as trail:
        await trail.record("login.ok")
    head = (await place.verdict()).head
    assert (await place.verdict(KEYS, head)).broken is None
    verdict = await place.verdict(KEYS, Head(head.rows + 1, "0" * 64))
    assert verdict.broken is not None
    assert verdict.broken.kind == "cut"
    other = await place.verdict(KEYS, Head(head.rows, "0" * 64))
    assert other.broken is not None
    assert other.broken.kind == "cut"


async def test_rows_outlive_the_keys_they_were_written_under(place: Place) -> None:
    """After a rotation both are checked; without the old key its rows are told apart from edits."""
    async with place.trail() as trail:
        await trail.record("key.generated")
    new = Keyring.generate("new")
    both = Keyring.from_text(f"{new.to_text()},{KEYS.to_text()}")
    async with place.trail(both) as trail:
        await trail.record("key.rotated")
    verdict = await place.verdict(both)
    assert (verdict.head.rows, verdict.broken) == (2, None)
    assert [row["key_id"] for row in rows_of(place)] == ["security", "new"]
    alone = await place.verdict(new, EMPTY)
    assert alone.broken is not None
    assert (alone.broken.row, alone.broken.kind) == (1, "unknown key")


@pytest.mark.parametrize(
    "what", ["UPDATE holdfast_audit SET outcome = ''", "DELETE FROM holdfast_audit"]
)
async def test_the_database_refuses_to_alter_the_trail(
    trail: Trail, place: Place, what: str
) -> None:
    """Not even the connection that the service has can change or remove a row."""
    await trail.record("login.ok")
    connection = sqlite3.connect(place.file)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(what)
    connection.close()
    assert len(rows_of(place)) == 1
