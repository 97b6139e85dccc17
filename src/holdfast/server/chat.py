"""The chat: a visitor's conversation with the support agent."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from holdfast.server.access import Keys
from holdfast.server.problems import invalid, unauthenticated
from holdfast.server.request_ids import CURRENT
from holdfast.server.requests import ItemsQuery, NewConversation, NewMessage
from holdfast.server.visitors import (
    Conversation,
    Parts,
    is_browser,
    keep_secret,
    limit_visitor,
    new_secret,
    refuse_other_sites,
    secret_hash,
)
from holdfast.support import AgentResponse, MessagePage

MAX_MESSAGE = 8000

router = APIRouter(prefix="/v1/chat/sessions", tags=["Chat"])


class ConversationReply(BaseModel):
    """A new conversation; a browser gets the secret in a cookie instead."""

    session_id: str
    session_secret: str | None = None


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    dependencies=[Depends(limit_visitor), Depends(refuse_other_sites)],
)
async def begin(
    body: NewConversation, request: Request, response: Response, parts: Parts, keys: Keys
) -> ConversationReply:
    """Begin a conversation."""
    if body.user_id is not None and not keys.trusts(request):
        raise unauthenticated("user_id: is taken only from a caller with an API key.")
    secret = new_secret()
    session = await parts.store.create(
        user_id=body.user_id, metadata=body.metadata, secret_hash=secret_hash(secret.encode())
    )
    if not is_browser(request):
        return ConversationReply(session_id=session.session_id, session_secret=secret)
    opened = f"{session.session_id}.{secret}"
    keep_secret(response, request, opened=opened, max_age=parts.settings.max_age_seconds)
    return ConversationReply(session_id=session.session_id)


@router.post("/{session_id}/messages", dependencies=[Depends(limit_visitor)])
async def send(
    session_id: Conversation, body: NewMessage, request: Request, parts: Parts
) -> AgentResponse:
    """Say something, and wait for the answer."""
    return await parts.agent.process_message(
        session_id,
        _message(body.message),
        request_id=CURRENT.get(),
        ip_address=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
        client_message_id=body.client_message_id,
    )


@router.get("/{session_id}/messages", response_model_exclude_none=True)
async def read(
    session_id: Conversation, query: Annotated[ItemsQuery, Query()], parts: Parts
) -> MessagePage:
    """Read the conversation in order."""
    return await parts.agent.messages(session_id, after=query.after, limit=query.limit)


def _message(text: str) -> str:
    """Refuse, in words for visitors, what is no message."""
    length = len(text.strip())
    if not length:
        raise invalid("message", "please write something first.")
    if length > MAX_MESSAGE:
        rule = f"please write at most {MAX_MESSAGE} characters; this has {length}."
        raise invalid("message", rule)
    return text
