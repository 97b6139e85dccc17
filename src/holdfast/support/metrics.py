"""Figures about all conversations."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from holdfast.session import SupportSession
from holdfast.store import SessionStore

Count = Annotated[int, Field(ge=0)]


class SessionMetrics(BaseModel):
    """`average_response_seconds` is of the turns taken in this process; None before the first.

    The rest is counted over all live sessions: `escalation_rate` is the share of them that were
    handed over, 0 to 1.
    """

    model_config = ConfigDict(frozen=True)

    total_messages: Count
    average_response_seconds: Annotated[float, Field(ge=0)] | None
    escalation_rate: Annotated[float, Field(ge=0, le=1)]
    active_sessions: Count


class Stopwatch:
    """Averages the time that turns took, waiting included."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._turns = 0

    def add(self, seconds: float) -> None:
        """Count one turn."""
        self._seconds += seconds
        self._turns += 1

    @property
    def average(self) -> float | None:
        """The mean in seconds."""
        return self._seconds / self._turns if self._turns else None


async def measure(store: SessionStore[SupportSession], stopwatch: Stopwatch) -> SessionMetrics:
    """Read every live session, page by page: meant for a report, not for every request."""
    sessions = messages = escalated = 0
    cursor: str | None = None
    while True:
        page = await store.list_active(limit=1000, cursor=cursor)
        sessions += len(page.sessions)
        messages += sum(session.message_count for session in page.sessions)
        escalated += sum(session.escalated for session in page.sessions)
        cursor = page.next_cursor
        if cursor is None:
            return SessionMetrics(
                total_messages=messages,
                average_response_seconds=stopwatch.average,
                escalation_rate=escalated / sessions if sessions else 0.0,
                active_sessions=sessions,
            )
