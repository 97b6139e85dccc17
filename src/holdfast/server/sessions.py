"""Sessions: create, list, read, change, prolong, end."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from holdfast.change import Change
from holdfast.errors import RevisionConflict, SessionNotFound
from holdfast.fastapi import Store
from holdfast.server.access import require_api_key
from holdfast.server.creating import create_session
from holdfast.server.model import ServiceSession
from holdfast.server.preconditions import Expected, IdempotencyKey, IfMatch
from holdfast.server.replies import (
    ChangeReply,
    CountReply,
    ExistsReply,
    SessionReply,
    SessionsReply,
    StatusReply,
    change_reply,
    session_content,
    session_reply,
    written,
)
from holdfast.server.requests import ChangeRequest, ExtendRequest, ListQuery, NewSession, SessionId
from holdfast.store import SessionStore

Sessions = Store[ServiceSession]

router = APIRouter(
    prefix="/v1/sessions", tags=["Sessions"], dependencies=[Depends(require_api_key)]
)


@router.post("", status_code=201, response_model=SessionReply)
async def create(body: NewSession, store: Sessions, key: IdempotencyKey) -> Response:
    """Create a session, always a new one; under the same `Idempotency-Key` the same one."""
    session = await create_session(store, body, key=key)
    response = session_reply(session, status=201)
    response.headers["Location"] = f"/v1/sessions/{session.session_id}"
    return response


@router.get("", response_model=SessionsReply)
async def list_sessions(query: Annotated[ListQuery, Query()], store: Sessions) -> Response:
    """List live sessions in the order of creation, a page at a time."""
    page = await store.list_active(filter=query.filter(), limit=query.limit, cursor=query.cursor)
    sessions = [session_content(session) for session in page.sessions]
    return written({"sessions": sessions, "next_cursor": page.next_cursor})


@router.get("/count")
async def count(store: Sessions) -> CountReply:
    """Count live sessions exactly."""
    return CountReply(active_session_count=await store.count_active())


@router.get("/{session_id}", response_model=SessionReply)
async def show(session_id: SessionId, store: Sessions) -> Response:
    """Show a live session."""
    return session_reply(await _found(store, session_id))


@router.get("/{session_id}/exists")
async def exists(session_id: SessionId, store: Sessions) -> ExistsReply:
    """Say whether a session is live; this never extends it."""
    return ExistsReply(exists=await store.exists(session_id), session_id=session_id)


@router.patch("/{session_id}", response_model=ChangeReply)
async def change(
    session_id: SessionId,
    body: ChangeRequest,
    store: Sessions,
    expected: IfMatch,
    key: IdempotencyKey,
) -> Response:
    """Change a session, all of it or nothing."""
    return change_reply(await store.apply(session_id, _change(body, expected, key)))


@router.post("/{session_id}/extend", response_model=SessionReply)
async def extend(
    session_id: SessionId, body: ExtendRequest, store: Sessions, expected: IfMatch
) -> Response:
    """Give a session new idle time from now, within its greatest age."""
    if expected.incarnation is not None:
        _require(await _found(store, session_id), expected)
    if not await store.extend(session_id, body.ttl_seconds):
        raise SessionNotFound(session_id)
    return session_reply(await _found(store, session_id))


@router.post("/{session_id}/touch", status_code=204)
async def touch(session_id: SessionId, store: Sessions) -> None:
    """Record activity; the idle time starts again."""
    if not await store.touch(session_id):
        raise SessionNotFound(session_id)


@router.delete("/{session_id}")
async def delete(session_id: SessionId, store: Sessions, expected: IfMatch) -> StatusReply:
    """End a session and all that belongs to it."""
    if not await store.delete(
        session_id,
        expect_incarnation=expected.incarnation,
        expect_revision=expected.revision,
    ):
        raise SessionNotFound(session_id)
    return StatusReply(status="deleted", session_id=session_id)


async def _found(store: SessionStore[ServiceSession], session_id: str) -> ServiceSession:
    session = await store.get(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    return session


def _change(body: ChangeRequest, expected: Expected, key: str | None) -> Change:
    return Change(
        set=body.set,
        unset=body.unset,
        add=body.add,
        at_most=body.at_most,
        claim=body.claim,
        append=body.append,
        expect_revision=expected.agreed(body.expect_revision),
        expect_incarnation=expected.incarnation,
        lease_token=body.lease_token,
        change_id=key,
    )


def _require(session: ServiceSession, expected: Expected) -> None:
    if expected != (session.incarnation, session.revision):
        raise RevisionConflict(
            session.session_id, expected=expected.revision or 0, found=session.revision
        )
