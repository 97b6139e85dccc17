"""How log lines look."""

import json
import logging

from holdfast.server.log_lines import JsonLines, ReadableLines
from holdfast.server.request_ids import CURRENT


def _record(**added: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "holdfast.x", "levelno": 20, "levelname": "INFO"})
    record.msg = "session.purged"
    vars(record).update(added)
    return record


def test_a_line_for_machines_is_one_json_object() -> None:
    """Time, level, logger, event and request id stand beside what the event adds."""
    token = CURRENT.set("r-1")
    line = json.loads(JsonLines().format(_record(count=3, path='a"b\nc')))
    CURRENT.reset(token)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "holdfast.x",
        "event": "session.purged",
        "request_id": "r-1",
        "count": 3,
        "path": 'a"b\nc',
    }


def test_a_line_for_people_is_readable() -> None:
    """Time, level, event, what it adds, and the request."""
    token = CURRENT.set("r-1")
    line = ReadableLines().format(_record(count=3))
    CURRENT.reset(token)
    assert line[12:] == " INFO    session.purged count=3 [r-1]"


def test_exceptions_stay_in_their_line() -> None:
    """A traceback is a field of the JSON object, not more lines."""
    try:
        raise ValueError("broken")
    except ValueError as exc:
        record = _record(exc_info=(ValueError, exc, exc.__traceback__))
    written = JsonLines().format(record)
    assert "\n" not in written
    assert "ValueError: broken" in json.loads(written)["exception"]
    assert "ValueError: broken" in ReadableLines().format(record)
