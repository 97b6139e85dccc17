"""The memory store as it is often written, to compare with; nothing in Holdfast uses it.

An `OrderedDict` behind one lock, deep copies of a model on the way in and out, a search through
all sessions for the one to evict, and the deadline looked at when a session is read.
"""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field


def _now() -> datetime:
    return datetime.now(UTC)


class OldFingerprint(BaseModel):
    network: str | None = None
    browser: str | None = None


class OldSession(BaseModel):
    """The same fields as `SupportSession`."""

    session_id: str
    user_id: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime = Field(default_factory=_now)
    updated_at: datetime = Field(default_factory=_now)
    last_activity: datetime = Field(default_factory=_now)
    expires_at: datetime = Field(default_factory=_now)
    thread_id: str | None = None
    request_id: str | None = None
    message_count: int = 0
    escalated: bool = False
    ticket_id: str | None = None
    fingerprint: OldFingerprint | None = None
    secret_hash: str | None = None


class OldStore:
    def __init__(self, *, max_sessions: int, ttl: float = 1800) -> None:
        self._max_sessions = max_sessions
        self._ttl = timedelta(seconds=ttl)
        self._sessions: OrderedDict[str, OldSession] = OrderedDict()
        self._lock = asyncio.Lock()

    async def create(self, session: OldSession) -> OldSession:
        """Keep a copy of a session, evicting the least recently active one when it is full."""
        async with self._lock:
            if len(self._sessions) >= self._max_sessions:
                victim = min(self._sessions.values(), key=lambda kept: kept.last_activity)
                del self._sessions[victim.session_id]
            kept = session.model_copy(deep=True, update={"expires_at": _now() + self._ttl})
            self._sessions[session.session_id] = kept
            return kept.model_copy(deep=True)

    async def get(self, session_id: str) -> OldSession | None:
        """Give a copy of a live session."""
        async with self._lock:
            session = self._live(session_id)
            return None if session is None else session.model_copy(deep=True)

    async def update(self, session_id: str, **values: Any) -> OldSession | None:
        """Set fields on a copy, undeclared ones in its metadata; keep it, and give another copy."""
        async with self._lock:
            session = self._live(session_id)
            if session is None:
                return None
            now = _now()
            kept = session.model_copy(deep=True)
            for name, value in values.items():
                if name in OldSession.model_fields:
                    setattr(kept, name, value)
                else:
                    kept.metadata[name] = value
            kept.updated_at = kept.last_activity = now
            kept.expires_at = now + self._ttl
            self._sessions[session_id] = kept
            self._sessions.move_to_end(session_id)
            return kept.model_copy(deep=True)

    def _live(self, session_id: str) -> OldSession | None:
        session = self._sessions.get(session_id)
        if session is not None and session.expires_at <= _now():
            del self._sessions[session_id]
            return None
        return session
