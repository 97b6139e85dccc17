"""Answers as callers read them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json
from starlette.responses import Response

from holdfast.change import Applied, Item
from holdfast.server.model import COUNTERS, PRIVATE, ServiceSession


class SessionReply(ServiceSession):
    """A session; `ttl_seconds` is what remains of it."""

    ttl_seconds: float
    counters: dict[str, int]


class SessionsReply(BaseModel):
    sessions: list[SessionReply]
    next_cursor: str | None


class CountReply(BaseModel):
    active_session_count: int


class ExistsReply(BaseModel):
    exists: bool
    session_id: str


class StatusReply(BaseModel):
    status: str
    session_id: str | None = None


class ChangeReply(BaseModel):
    revision: int
    counters: dict[str, int]
    first_item: int | None
    last_item: int
    replayed: bool


class AppendReply(BaseModel):
    first_item: int | None
    last_item: int
    length: int
    revision: int


class ItemReply(BaseModel):
    number: int
    at: datetime
    value: Any


class ItemsReply(BaseModel):
    items: list[ItemReply]
    length: int
    last_item: int


class LeaseReply(BaseModel):
    lease_token: str
    fence: int
    expires_at: datetime


def written(content: Any, *, status: int = 200, etag: str | None = None) -> Response:
    """Write an answer as JSON."""
    headers = None if etag is None else {"ETag": etag}
    return Response(to_json(content), status, headers=headers, media_type="application/json")


def etag(source: ServiceSession | Applied) -> str:
    """Name the revision of an incarnation."""
    return f'"{source.incarnation}.{source.revision}"'


def session_reply(session: ServiceSession, *, status: int = 200) -> Response:
    """Show one session."""
    return written(session_content(session), status=status, etag=etag(session))


def session_content(session: ServiceSession) -> dict[str, Any]:
    """Say what is shown of a session."""
    content = session.model_dump(mode="json")
    left = (session.expires_at - datetime.now(UTC)).total_seconds()
    content["ttl_seconds"] = max(0.0, round(left, 3))
    content["counters"] = {name: int(getattr(session, name)) for name in COUNTERS}
    return content


def change_reply(applied: Applied) -> Response:
    """Say what a change did."""
    content = {
        "revision": applied.revision,
        "counters": {
            name: value for name, value in applied.counters.items() if name not in PRIVATE
        },
        "first_item": applied.first_item,
        "last_item": applied.last_item,
        "replayed": applied.replayed,
    }
    return written(content, etag=etag(applied))


def items_content(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Show entries of a log."""
    return [{"number": item.number, "at": item.at, "value": item.value} for item in items]
