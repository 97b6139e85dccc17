"""Who writes in a conversation, told from worker to worker where the draft of an answer would be.

It is a hint. A note counts for a moment, so that of a worker that is gone nothing is left; while a
run has left something there, none is written; and of two workers the later one is heard.
"""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

# For how many seconds a note counts. It is renewed when half of them are over.
LASTS: Final = 4.0
# A worker writes one in so many seconds at most.
EVERY: Final = 1.0


class Note(BaseModel):
    """Somebody writes at the worker of this name, until then (seconds since 1970)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    typing_at: str
    until: float


class Typists:
    """Those who write here, and whether anybody does elsewhere."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._here: set[object] = set()
        self._elsewhere = 0.0
        # Until when our last note counts, and when there may be another one.
        self._noted = 0.0
        self._next = 0.0

    def note(self, who: object, *, on: bool) -> bool:
        """Take note that somebody here writes, or has stopped; say whether that is new."""
        if on == (who in self._here):
            return False
        (self._here.add if on else self._here.discard)(who)
        return True

    def others(self, who: object) -> bool:
        """Say whether anybody else writes."""
        return bool(self._here - {who}) or self._clock() < self._elsewhere

    def hear(self, kept: Any) -> None:
        """Take note of what is kept where others write their notes."""
        try:
            note = Note.model_validate(kept)
        except ValidationError:
            self._elsewhere = 0.0
            return
        if note.typing_at != self._name:
            self._elsewhere = min(note.until, self._clock() + LASTS)

    def has_news(self) -> bool:
        """Say whether a note has to be written now."""
        return self._clock() >= self._due()

    def news(self) -> dict[str, Any] | None:
        """Give the note to write now; None takes away the last one."""
        now = self._clock()
        self._next = now + EVERY
        self._noted = now + LASTS if self._here else 0.0
        return Note(typing_at=self._name, until=self._noted).model_dump() if self._here else None

    def pause(self) -> float:
        """Say for how many seconds nothing changes by itself."""
        now = self._clock()
        ends = self._elsewhere if now < self._elsewhere else float("inf")
        return max(min(self._due(), ends) - now, 0.0)

    def _due(self) -> float:
        now = self._clock()
        if self._here:
            return max(self._next, self._noted - LASTS / 2)
        return self._next if now < self._noted else float("inf")
