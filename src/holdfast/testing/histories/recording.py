"""Writing down what happens, so that what a killed process had begun is known afterwards."""

import json
import os
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from holdfast.errors import HoldfastError, StoreUnavailable
from holdfast.observing import Observer
from holdfast.testing.histories.events import Call, Reply, monotonic

# What an error says that the specification of a session speaks about.
FACTS: Final = {
    "RevisionConflict": ("found",),
    "FlagTaken": ("flag",),
    "LimitReached": ("counter", "value", "limit"),
}


class Repeats(Observer):
    """Knows of each call whether the store has sent it more than once; give it to the store."""

    def __init__(self) -> None:
        self._attempts: ContextVar[list[int]] = ContextVar("attempts")

    def begin(self) -> list[int]:
        """Begin a call: give the list that its repetitions will be in."""
        attempts: list[int] = []
        self._attempts.set(attempts)
        return attempts

    def operation_retried(self, *, operation: str, store: str, attempt: int) -> None:
        """Count it for the call that is under way here."""
        attempts = self._attempts.get(None)
        if attempts is not None:
            attempts.append(attempt)


class Recorder:
    """Appends to a file of its own: a line when a call begins, another when it ends.

    Each line is one `os.write` to a file opened for appending, so that a process killed at any
    moment leaves whole lines, and at most the last one torn.
    """

    def __init__(
        self,
        path: Path,
        *,
        process: str,
        clock: Callable[[], int] = monotonic,
        repeats: Repeats | None = None,
    ) -> None:
        self._repeats = repeats or Repeats()
        self._process = process
        self._clock = clock
        self._numbers = count(1)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def begin(self, caller: str, call: Call) -> int:
        """Write down that a call begins, before it does; gives the number to end it with."""
        number = next(self._numbers)
        self._write(
            {
                "op": number,
                "process": self._process,
                "caller": caller,
                "kind": call.kind,
                "session": call.session,
                "request": call.request,
                "begin": self._clock(),
            }
        )
        return number

    def end(self, number: int, reply: Reply) -> None:
        """Write down how the call ended, after it did."""
        ended = self._clock()
        line: dict[str, Any] = {"op": number, "end": ended, "outcome": reply.outcome}
        if reply.answer is not None:
            line["answer"] = reply.answer
        if reply.error:
            line["error"] = reply.error
        if reply.repeated:
            line["repeated"] = reply.repeated
        self._write(line)

    async def record(self, caller: str, call: Call, work: Callable[[], Awaitable[Any]]) -> Reply:
        """Do the work of a call between its two lines; errors of the store become replies.

        Whatever else is raised, a cancellation too, is written down as unknown and goes on.
        """
        number = self.begin(caller, call)
        attempts = self._repeats.begin()
        try:
            reply = Reply("ok", await work())
        except HoldfastError as exc:
            reply = reply_of(exc)
        except BaseException as exc:
            self.end(number, Reply("unknown", error=type(exc).__name__))
            raise
        reply = reply._replace(repeated=len(attempts))
        self.end(number, reply)
        return reply

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file, data) < len(data):
            raise OSError("the history could not be written whole: is the disk full?")


def reply_of(error: HoldfastError) -> Reply:
    """Tell what an error of the store says about the call: it did nothing, or nobody knows."""
    name = type(error).__name__
    if isinstance(error, StoreUnavailable) and error.outcome == "unknown":
        return Reply("unknown", error=name)
    facts = {fact: getattr(error, fact) for fact in FACTS.get(name, ())}
    return Reply("refused", facts or None, name)
