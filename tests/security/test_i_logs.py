"""Section I of the checklist: logs, the audit trail, errors."""

import json
import logging
import re
from pathlib import Path

import pytest

import holdfast
from holdfast import LeaseLost, SessionNotFound
from holdfast.server.audit import EVENTS, Trail
from holdfast.server.log_lines import JsonLines, ReadableLines
from holdfast.server.printable import printable
from tests.security import audit_jobs
from tests.security.processes import KEYS, Processes
from tests.security.signed_in import PASSWORD, SignedIn
from tests.server.audit.trails import Place

# What people write into names and headers to make a log say what did not happen.
FORGERIES = (
    "mallory\n12:00:00.000 INFO    login.ok actor=admin",
    "mallory\r12:00:00.000 INFO    login.ok actor=admin",
    "mallory\r\n\r\nlogin.ok",
    "mallory\x1b[2K\x1b[1Alogin.ok actor=admin",
    "mallory\x1b]0;title\x07",
    "mallory\x9b2J",
    "mallory\x85login.ok",
    "mallory\u2028login.ok",
    "mallory\u2029login.ok",
    "mallory\x0b\x0c\x1c\x1d\x1elogin.ok",
    "mallory\u202enimda",
    "mallory\x00",
    "mallory\x7f",
    "mallory\ud800",
    'mallory", "event": "login.ok',
    "mallory outcome=ok actor=admin",
)
SOURCES = Path(holdfast.__file__).parent
NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _record(text: str) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "holdfast.x", "levelno": 20, "levelname": "INFO"})
    record.msg = "login.failed"
    vars(record).update({"outcome": "refused", "user_agent": text})
    return record


@pytest.mark.parametrize("text", FORGERIES)
@pytest.mark.parametrize("form", [JsonLines, ReadableLines])
def test_security_079_nobody_forges_a_log_line(form: type[logging.Formatter], text: str) -> None:
    """One event is one line, without a control character, and says what happened."""
    written = form().format(_record(text))
    assert len(written.splitlines()) == 1
    assert not NOT_PRINTED.search(written)
    written.encode("utf-8")
    if form is JsonLines:
        line = json.loads(written)
        assert (line["event"], line["outcome"], line["user_agent"]) == (
            "login.failed",
            "refused",
            text,
        )
    else:
        # Outside of quotes there is one outcome, and no actor.
        unquoted = re.sub(r'"(\\.|[^"\\])*"', '""', written)
        assert unquoted.count("outcome=refused") == 1
        assert "outcome=ok" not in unquoted
        assert "actor=" not in unquoted


@pytest.mark.parametrize("text", FORGERIES)
@pytest.mark.parametrize("form", [JsonLines, ReadableLines])
def test_security_079_nor_by_what_an_exception_says(
    form: type[logging.Formatter], text: str
) -> None:
    """A traceback stands in its line, or indented below it; its text begins no line."""
    try:
        raise ValueError(text)
    except ValueError as exc:
        record = _record("")
        record.exc_info = (ValueError, exc, exc.__traceback__)
    first, *more = form().format(record).split("\n")
    assert "login.failed" in first
    assert all(line.startswith("    ") for line in more)
    assert not any(NOT_PRINTED.search(line) for line in (first, *more))


@pytest.mark.parametrize("form", [JsonLines, ReadableLines])
def test_security_078_a_traceback_names_no_session(form: type[logging.Formatter]) -> None:
    """Errors of the library say which session they are about; their lines in the log do not."""
    one, other = "the-first-session", "the-other-session"
    try:
        try:
            raise SessionNotFound(one)
        except SessionNotFound as exc:
            raise LeaseLost(other) from exc
    except LeaseLost as exc:
        record = _record("")
        record.exc_info = (LeaseLost, exc, exc.__traceback__)
    written = form().format(record)
    assert "SessionNotFound" in written
    assert "LeaseLost" in written
    assert one not in written
    assert other not in written


def test_security_079_what_is_printable_stays() -> None:
    """Names of all the world are written as they are."""
    for text in ("Zoë O'Brien", "Łukasz", "山田太郎", "مريم", "d'Arc; DROP TABLE"):
        assert printable(text) == text


async def test_security_079_a_forged_name_reaches_the_trail_as_a_fact(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The name becomes a pseudonym, and what else comes from outside is kept as JSON."""
    place = Place(tmp_path / "application.db", f"sqlite:///{tmp_path}/sessions.db")
    with caplog.at_level(logging.INFO, logger="holdfast"):
        async with place.trail() as trail:
            for text in FORGERIES:
                await trail.record("login.failed", outcome="refused", actor=text, agent=text)
    assert (await place.verdict()).broken is None
    with place.forced() as connection:
        rows = connection.execute("SELECT * FROM holdfast_audit").fetchall()
    assert len(rows) == len(FORGERIES)
    assert not any(NOT_PRINTED.search(str(column)) for row in rows for column in row)
    for record in caplog.records:
        written = ReadableLines().format(record)
        assert not NOT_PRINTED.search(written)
        assert "mallory" not in written.partition("facts.agent")[0]


async def test_security_080_rows_of_several_processes_are_one_chain(
    processes: Processes, store_url: str, tmp_path: Path
) -> None:
    """Two hundred events of two processes: none lost, none between, each linked to the one before.

    The anchor stands in the session store and knows of all of them; a memory store has none for
    other processes.
    """
    place = Place(tmp_path / "application.db", store_url)
    async with place.opened():
        pass
    numbers = await processes.run(audit_jobs.record_many, store_url, told=str(place.file))
    assert numbers == [0, 1]
    head, broken = await place.verdict()
    assert (head.rows, broken) == (202, None)
    with place.forced() as connection:
        connection.execute("DELETE FROM holdfast_audit WHERE number = 202")
    cut = (await place.verdict()).broken
    assert (cut is None) == (store_url == "memory://")


async def test_security_081_an_event_says_who_when_where_and_how_it_ended(tmp_path: Path) -> None:
    """Each event of the list is kept with its UTC time, actor, session, network and request."""
    place = Place(tmp_path / "application.db", f"sqlite:///{tmp_path}/sessions.db")
    async with place.trail() as trail:
        for event in sorted(EVENTS):
            await trail.record(
                event, outcome="seen", actor="anna", session_id="s-1",
                network="203.0.113.9", request_id="r-1",
            )  # fmt: skip
    with place.forced() as connection:
        rows = connection.execute("SELECT * FROM holdfast_audit ORDER BY event").fetchall()
    assert [row[2] for row in rows] == sorted(EVENTS)
    for _, at, _, outcome, actor, session, network, request, *_ in rows:
        assert at.endswith("+00:00")
        assert (outcome, network, request) == ("seen", "203.0.113.0/24", "r-1")
        assert re.fullmatch(r"security\.[0-9a-f]{16}", actor)
        assert re.fullmatch(r"security\.[0-9a-f]{16}", session)


async def test_security_081_the_list_has_what_has_to_be_told() -> None:
    """One event at least for each kind that the checklist names; each of the list is told."""
    sources = [path for path in SOURCES.rglob("*.py") if path.name != "events.py"]
    said = " ".join(path.read_text("utf-8") for path in sources)
    assert [event for event in sorted(EVENTS) if f'"{event}"' not in said] == []
    for kind in (
        "login.ok", "login.failed", "login.throttled", "logout", "refresh.rotated",
        "refresh.grace_hit", "refresh.reused", "fingerprint.mismatch", "session.revoked",
        "key.rotated", "budget.exceeded", "user.disabled",
    ):  # fmt: skip
        assert kind in EVENTS
    with pytest.raises(ValueError, match="not an event"):
        await Trail(KEYS).record("something.else")


async def test_security_082_nobody_is_let_in_whom_the_trail_does_not_have(
    signed_in: SignedIn, tmp_path: Path
) -> None:
    """While the trail cannot be written, right and wrong passwords are answered 503 alike."""
    await signed_in.user("anna", password=PASSWORD)
    place = Place(tmp_path / "data" / "application.db", signed_in.url)
    with place.forced() as connection:
        connection.execute("ALTER TABLE holdfast_audit RENAME TO elsewhere")
        connection.commit()
        for password in (PASSWORD, "not the password of anna"):
            answer = await signed_in.sign_in("anna", password=password)
            assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
            assert "access_token" not in answer.text
        connection.execute("ALTER TABLE elsewhere RENAME TO holdfast_audit")
    assert (await signed_in.sign_in("anna")).status_code == 200
