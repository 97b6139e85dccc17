"""The log of a session: append to it, read it, clear it."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from holdfast.change import Change
from holdfast.fastapi import Store
from holdfast.server.access import KeyedRoute
from holdfast.server.model import ServiceSession
from holdfast.server.preconditions import BOTH, CONDITIONAL, If
from holdfast.server.replies import (
    AppendReply,
    ItemsReply,
    StatusReply,
    etag,
    items_content,
    written,
)
from holdfast.server.requests import ItemsQuery, NewItems, SessionId

router = APIRouter(
    prefix="/v1/sessions/{session_id}/items",
    tags=["Items"],
    route_class=KeyedRoute,
)


@router.post("", response_model=AppendReply, openapi_extra=BOTH)
async def append(
    session_id: SessionId,
    body: NewItems,
    store: Store[ServiceSession],
    conditions: If,
) -> Response:
    """Append to the log, all items or none."""
    applied = await store.apply(
        session_id,
        Change(
            append=body.items,
            expect_incarnation=conditions.incarnation,
            expect_revision=conditions.revision,
            change_id=conditions.key,
        ),
    )
    log = await store.read_log(session_id, after=applied.last_item, limit=1)
    content = {
        "first_item": applied.first_item,
        "last_item": applied.last_item,
        "length": log.length,
        "revision": applied.revision,
    }
    return written(content, etag=etag(applied))


@router.get("", response_model=ItemsReply)
async def read(
    session_id: SessionId, query: Annotated[ItemsQuery, Query()], store: Store[ServiceSession]
) -> Response:
    """Read a stretch of the log in order."""
    log = await store.read_log(session_id, after=query.after, limit=query.limit)
    items = items_content(log.items)
    return written({"items": items, "length": log.length, "last_item": log.last_item})


@router.delete("", response_model_exclude_none=True, openapi_extra=CONDITIONAL)
async def clear(session_id: SessionId, store: Store[ServiceSession], conditions: If) -> StatusReply:
    """Remove all items; numbers go on."""
    await conditions.check(store, session_id)
    await store.clear_items(session_id)
    return StatusReply(status="cleared")
