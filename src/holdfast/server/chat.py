"""The chat: a visitor's conversation with the support agent."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from holdfast.rotation import new_secret, secret_hash
from holdfast.server.auth.principal import identified
from holdfast.server.client_limits import limit_messages
from holdfast.server.conversation.parts import Talking
from holdfast.server.conversation.rating import rated
from holdfast.server.json_route import JsonRoute
from holdfast.server.preconditions import REPEATABLE, Key
from holdfast.server.problems import invalid, unauthenticated
from holdfast.server.request_ids import CURRENT
from holdfast.server.requests import ItemsQuery, Metadata, NewConversation, NewMessage
from holdfast.server.visitors import (
    AskingSite,
    Conversation,
    Parts,
    is_own_page,
    keep_secret,
    refuse_other_sites,
)
from holdfast.support import AgentResponse, Incoming, MessagePage

MAX_MESSAGE = 8000
# Bytes that a visitor may have kept with a conversation; holders of a key have the store's limit.
MAX_METADATA = 16_384

FIRST = (Depends(refuse_other_sites),)

router = APIRouter(prefix="/v1/chat/sessions", tags=["Chat"], route_class=JsonRoute)


class ConversationReply(BaseModel):
    """A new conversation; a browser gets the secret in a cookie instead."""

    session_id: str
    session_secret: str | None = None


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    dependencies=FIRST,
)
async def begin(
    body: NewConversation,
    request: Request,
    response: Response,
    parts: Parts,
    site: AskingSite,
) -> ConversationReply:
    """Begin a conversation."""
    caller = await identified(request)
    if caller is None or not caller.has_scope("chat"):
        _check_visitor(body)
    secret = new_secret()
    session = await parts.store.create(
        user_id=body.user_id, metadata=body.metadata, secret_hash=secret_hash(secret.encode())
    )
    # Programs, and pages elsewhere, get no cookie to send: they keep the secret.
    if not is_own_page(request, site):
        return ConversationReply(session_id=session.session_id, session_secret=secret)
    most = parts.settings.max_age_seconds
    keep_secret(response, request, session=session, secret=secret, max_age=most)
    return ConversationReply(session_id=session.session_id)


@router.post(
    "/{session_id}/messages",
    dependencies=(*FIRST, Depends(limit_messages)),
    openapi_extra=REPEATABLE,
)
async def send(
    session_id: Conversation, body: NewMessage, request: Request, talk: Talking, key: Key
) -> AgentResponse:
    """Say something, and wait for the answer."""
    incoming = Incoming(
        text=_message(body.message),
        request_id=CURRENT.get(),
        ip_address=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
        client_message_id=key if body.client_message_id is None else body.client_message_id,
    )
    return await talk.runs.answer(session_id, incoming)


@router.get("/{session_id}/messages", response_model_exclude_none=True)
async def read(
    session_id: Conversation, query: Annotated[ItemsQuery, Query()], parts: Parts
) -> MessagePage:
    """Read the conversation in order."""
    page = await parts.agent.messages(session_id, after=query.after, limit=query.limit)
    return rated(page, await parts.store.get(session_id))


def _check_visitor(body: NewConversation) -> None:
    if body.user_id is not None:
        raise unauthenticated("user_id: is taken only from the staff, or with an API key.")
    if _size(body.metadata) > MAX_METADATA:
        raise invalid("metadata", f"must not be larger than {MAX_METADATA} bytes")


def _size(metadata: Metadata) -> int:
    # What is no UTF-8 is measured too; the store refuses it by its name.
    return len(json.dumps(metadata, ensure_ascii=False).encode(errors="surrogatepass"))


def _message(text: str) -> str:
    """Refuse, in words for visitors, what is no message."""
    length = len(text.strip())
    if not length:
        raise invalid("message", "please write something first.")
    if length > MAX_MESSAGE:
        rule = f"please write at most {MAX_MESSAGE} characters; this has {length}."
        raise invalid("message", rule)
    return text
