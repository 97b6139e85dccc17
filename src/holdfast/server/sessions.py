"""Sessions: create, list, read, change, prolong, end."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from holdfast.change import Change
from holdfast.errors import SessionNotFound
from holdfast.fastapi import Store, current_store
from holdfast.server.access import KeyedRoute
from holdfast.server.creating import create_session
from holdfast.server.lean_route import LeanRoute
from holdfast.server.model import ServiceSession
from holdfast.server.preconditions import (
    BOTH,
    CONDITIONAL,
    REPEATABLE,
    Conditions,
    If,
    read_conditions,
)
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

router = APIRouter(prefix="/v1/sessions", tags=["Sessions"], route_class=KeyedRoute)


async def change(session_id: SessionId, body: ChangeRequest, request: Request) -> Response:
    """Change a session, all of it or nothing."""
    store: SessionStore[ServiceSession] = await current_store(request)
    wanted = _change(body, await read_conditions(request))
    return change_reply(await store.apply(session_id, wanted))


# First, because it is asked for most, and routes are tried in order.
router.add_api_route(
    "/{session_id}",
    change,
    methods=["PATCH"],
    response_model=ChangeReply,
    openapi_extra=BOTH,
    route_class_override=LeanRoute,
)


@router.post("", status_code=201, response_model=SessionReply, openapi_extra=REPEATABLE)
async def create(body: NewSession, store: Sessions, conditions: If) -> Response:
    """Create a session, always a new one; under the same `Idempotency-Key` the same one."""
    session = await create_session(store, body, key=conditions.key)
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


@router.post("/{session_id}/extend", response_model=SessionReply, openapi_extra=CONDITIONAL)
async def extend(
    session_id: SessionId, body: ExtendRequest, store: Sessions, conditions: If
) -> Response:
    """Give a session new idle time from now, within its greatest age."""
    await conditions.check(store, session_id)
    if not await store.extend(session_id, body.ttl_seconds):
        raise SessionNotFound(session_id)
    return session_reply(await _found(store, session_id))


@router.post("/{session_id}/touch", status_code=204, openapi_extra=CONDITIONAL)
async def touch(session_id: SessionId, store: Sessions, conditions: If) -> None:
    """Record activity; the idle time starts again."""
    await conditions.check(store, session_id)
    if not await store.touch(session_id):
        raise SessionNotFound(session_id)


@router.delete("/{session_id}", openapi_extra=CONDITIONAL)
async def delete(session_id: SessionId, store: Sessions, conditions: If) -> StatusReply:
    """End a session and all that belongs to it."""
    if not await store.delete(
        session_id,
        expect_incarnation=conditions.incarnation,
        expect_revision=conditions.revision,
    ):
        raise SessionNotFound(session_id)
    return StatusReply(status="deleted", session_id=session_id)


async def _found(store: SessionStore[ServiceSession], session_id: str) -> ServiceSession:
    session = await store.get(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    return session


def _change(body: ChangeRequest, conditions: Conditions) -> Change:
    return Change(
        set=body.set,
        unset=body.unset,
        add=body.add,
        at_most=body.at_most,
        claim=body.claim,
        append=body.append,
        expect_revision=conditions.agreed(body.expect_revision),
        expect_incarnation=conditions.incarnation,
        lease_token=body.lease_token,
        change_id=conditions.key,
    )
