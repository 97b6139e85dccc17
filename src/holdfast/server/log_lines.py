"""How log lines look: JSON for machines, or one readable line in development.

An event is one line whatever stands in it, and nobody can write a line of their own with a name or
a header (OWASP ASVS 5.0, 16.4.1).
"""

import asyncio
import json
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from logging.config import dictConfig
from time import localtime, strftime
from typing import Any, Final, TextIO

from holdfast.server.printable import printable
from holdfast.server.request_ids import CURRENT
from holdfast.server.settings import Settings

MOMENT: Final = 0.05
MOST_LINES: Final = 200
OTHERS: Final = (
    "uvicorn.access", "uvicorn.error", "httpx", "httpcore", "openai", "asyncio",
    "aiosqlite", "alembic", "sqlalchemy",
)  # fmt: skip
_IN_QUOTES: Final = frozenset(' ="[]')
_STANDARD: Final = frozenset(
    vars(logging.makeLogRecord({})) | {"message": "", "asctime": "", "color_message": ""}
)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, event, request id, and what the event adds."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "request_id": CURRENT.get(),
            **_added(record),
        }
        if record.exc_info:
            line["exception"] = _traceback(self, record.exc_info)
        # Some readers take U+2028 and its like for the end of a line.
        return json.dumps(line, default=str, ensure_ascii=True)


class ReadableLines(logging.Formatter):
    """`12:30:01.250 INFO  http.request method=GET status=200 [request id]`; tracebacks indented."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        time = strftime("%H:%M:%S", localtime(record.created))
        added = "".join(f" {name}={_readable(value)}" for name, value in _added(record).items())
        request_id = CURRENT.get()
        line = f"{time}.{int(record.msecs):03d} {record.levelname:<7} "
        line += record.getMessage() + added + (f" [{request_id}]" if request_id else "")
        lines = [printable(line)]
        if record.exc_info:
            traceback = _traceback(self, record.exc_info).split("\n")
            lines += [f"    {printable(line)}" for line in traceback]
        return "\n".join(lines)


def _traceback(formatter: logging.Formatter, failure: Any) -> str:
    """Write a traceback without the ids of the sessions that its errors name."""
    text, error = formatter.formatException(failure), failure[1]
    while error is not None:
        session_id = getattr(error, "session_id", None)
        text = text.replace(repr(session_id), "'…'") if session_id else text
        error = error.__cause__ or error.__context__
    return text


class LinesTogether(logging.StreamHandler[TextIO]):
    """Writes the lines of a moment together; a warning, or a line outside of a loop, at once.

    A write lets other threads in, and a busy service would pause for each of its lines. Killed
    outright, a process takes the lines of its last moment with it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._waits = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or keep it for the next writing."""
        self._lines.append(self.format(record))
        if record.levelno >= logging.WARNING or len(self._lines) >= MOST_LINES:
            self.flush()
        elif not self._waits:
            self._flush_soon()

    def flush(self) -> None:
        """Write what is kept."""
        with self.lock or nullcontext():
            self._waits = False
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join([*lines, ""]))
            super().flush()

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(MOMENT, self.flush)
            self._waits = True
        except RuntimeError:
            self.flush()


def configure_logging(settings: Settings) -> None:
    """Send everything that is logged to the log file, or to standard error.

    Raises:
        OSError: the file cannot be written to.
    """
    # Nothing of this is written, and looking it up takes longer than writing the line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    form = JsonLines if settings.production or settings.log_file else ReadableLines
    # Open as long as the process lives; each writing goes to the end, whoever else writes.
    stream = settings.log_file.open("a", encoding="utf-8") if settings.log_file else sys.stderr
    level = settings.log_level.upper()
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": form}},
            "handlers": {
                "lines": {
                    "()": LinesTogether,
                    "stream": stream,
                    "formatter": "line",
                }
            },
            **_levels(level),
        }
    )


def write_kept_lines() -> None:
    """Write what is kept: a worker process ends without telling its loggers."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def _levels(level: str) -> dict[str, Any]:
    """Keep other people's loggers to what an operator needs.

    At their lower levels some write what they are given: statements with values, whole frames.
    """
    least = "WARNING" if level in {"DEBUG", "INFO"} else level
    servers = ("uvicorn.access", "uvicorn.error")
    return {
        "root": {"level": least, "handlers": ["lines"]},
        "loggers": {
            **{name: {"level": least, "handlers": [], "propagate": True} for name in servers},
            "holdfast": {"level": level, "handlers": [], "propagate": True},
        },
    }


def _readable(value: object) -> str:
    """Write a value; one that could be read as several, or as the name of another, in quotes."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if _IN_QUOTES.intersection(text) else text


def _added(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
