"""What a visitor does with a conversation, beside speaking: see it live, judge it, end it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from holdfast.change import Change
from holdfast.errors import SessionNotFound
from holdfast.server.access import is_trusted
from holdfast.server.auth.parts import SigningIn
from holdfast.server.auth.principal import identified
from holdfast.server.auth.watching import while_signed_in
from holdfast.server.conversation.parts import Talking
from holdfast.server.conversation.rating import rate
from holdfast.server.conversation.stream import EventStream, as_events, last_event
from holdfast.server.conversation.transcript import as_markdown, read_all
from holdfast.server.conversation.wire import LONGEST_REASON, Feedback
from holdfast.server.json_route import OptionalJsonRoute
from holdfast.server.model import ServiceSession
from holdfast.server.problems import forbidden
from holdfast.server.replies import StatusReply
from holdfast.server.request_ids import CURRENT
from holdfast.server.requests import Body, Number, Parameters
from holdfast.server.visitors import Conversation, refuse_other_sites
from holdfast.session import Name
from holdfast.support import Incoming, Message
from holdfast.support.languages import Language, spoken

FIRST = (Depends(refuse_other_sites),)
REQUESTS: Final[Mapping[Language, str]] = {
    "en": "I would like to talk to a person, please.",
    "de": "Ich möchte bitte mit einem Menschen sprechen.",
}
# Asked for twice, at the same time or later, it is one message.
REQUEST_ID: Final = "escalate"

router = APIRouter(prefix="/v1/chat/sessions", tags=["Chat"], route_class=OptionalJsonRoute)


class EscalationRequest(Body):
    """Why a person is asked for, in the visitor's words."""

    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


class EscalationReply(BaseModel):
    """The ticket that the conversation was handed over with."""

    session_id: str
    ticket_id: str
    reasons: tuple[str, ...]


class StopRequest(Body):
    """Which answer is to be stopped; the one that is being made where none is named."""

    run_id: Name | None = None


class StopReply(BaseModel):
    """Which answer is being stopped; none where there was none in the making."""

    session_id: str
    run_id: str | None


class TouchReply(BaseModel):
    """Until when a conversation is there, unless it is used."""

    session_id: str
    expires_at: datetime


class StreamQuery(Parameters):
    """Where a stream begins, for those who cannot say it as `Last-Event-ID`."""

    after: Number = 0


class TranscriptQuery(Parameters):
    """How a transcript is written."""

    format: Literal["json", "markdown"] = "json"


class Transcript(BaseModel):
    """A conversation from its beginning."""

    session_id: str
    messages: list[Message]


@router.get("/{session_id}/stream", response_class=EventStream)
async def stream(
    session_id: Conversation,
    query: Annotated[StreamQuery, Query()],
    request: Request,
    talk: Talking,
    sign_in: SigningIn,
) -> Response:
    """Follow the conversation: the frames of the WebSocket as server-sent events."""
    session = await _live(talk, session_id)
    trusted = await is_trusted(request, "chat")
    visitor = None if trusted else session.secret_hash
    after = last_event(request, query.after)
    events = as_events(talk, session, after=after, secret_hash=visitor)
    if trusted:
        events = while_signed_in(events, sign_in, await identified(request))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(events, headers=headers)


@router.post("/{session_id}/escalate", dependencies=FIRST)
async def escalate(
    session_id: Conversation, request: Request, talk: Talking, body: EscalationRequest | None = None
) -> EscalationReply:
    """Hand the conversation to a person; again it is the same ticket."""
    session = await _live(talk, session_id)
    if not session.escalated:
        reason = body.reason if body else ""
        request_text = REQUESTS[await _language(talk, session, reason)]
        incoming = Incoming(
            text=f"{request_text}\n\n{reason}" if reason else request_text,
            request_id=CURRENT.get(),
            client_message_id=REQUEST_ID,
            ip_address=request.client.host if request.client else None,
            user_agent=request.headers.get("user-agent"),
        )
        await talk.runs.answer(session_id, incoming)
    ticket = await talk.service.agent.ticket(session_id)
    if ticket is None:
        raise forbidden("Conversations are not handed to people here.")
    return EscalationReply(
        session_id=session_id, ticket_id=ticket.ticket_id, reasons=ticket.reasons
    )


@router.post("/{session_id}/stop", dependencies=FIRST)
async def stop(
    session_id: Conversation, talk: Talking, body: StopRequest | None = None
) -> StopReply:
    """Stop the answer that is being made, as `run.cancel` does; what was told of it is kept."""
    run_id = await talk.runs.cancel(session_id, body.run_id if body else None)
    return StopReply(session_id=session_id, run_id=run_id)


@router.post("/{session_id}/feedback", dependencies=FIRST)
async def give_feedback(session_id: Conversation, body: Feedback, talk: Talking) -> Feedback:
    """Say what an answer was worth."""
    await rate(talk.service.store, talk.service.agent, session_id, body)
    return body


@router.post("/{session_id}/touch", dependencies=FIRST)
async def touch(session_id: Conversation, talk: Talking) -> TouchReply:
    """Have the conversation last as if it were used, as a `ping` that wants to stay does."""
    await talk.service.store.touch(session_id)
    session = await _live(talk, session_id)
    return TouchReply(session_id=session_id, expires_at=session.expires_at)


@router.post("/{session_id}/end", dependencies=FIRST)
async def end(session_id: Conversation, talk: Talking) -> StatusReply:
    """End the conversation: it is forgotten, unless a person has to answer it.

    Then it is kept for that person, and opens to the visitor no more.
    """
    session = await _live(talk, session_id)
    if session.escalated:
        await talk.service.store.apply(session_id, Change(unset=("secret_hash",)))
    else:
        await talk.service.store.delete(session_id)
    return StatusReply(status="ended", session_id=session_id)


@router.get("/{session_id}/transcript", response_model=None)
async def transcript(
    session_id: Conversation, query: Annotated[TranscriptQuery, Query()], talk: Talking
) -> Response | dict[str, Any]:
    """Give the whole conversation, to be kept."""
    messages = await read_all(talk.service.agent, session_id)
    if query.format == "json":
        whole = Transcript(session_id=session_id, messages=messages)
        return whole.model_dump(mode="json", exclude_none=True)
    named = {"Content-Disposition": 'attachment; filename="conversation.md"'}
    return Response(as_markdown(messages), media_type="text/markdown", headers=named)


async def _language(talk: Talking, session: ServiceSession, said: str) -> Language:
    """Say which language a visitor writes in, by what is said now and what was before."""
    messages = await read_all(talk.service.agent, session.session_id)
    before = [message.content for message in messages if message.role == "user"]
    return spoken(said, before=before, preferred=session.metadata.get("language"))


async def _live(talk: Talking, session_id: str) -> ServiceSession:
    session = await talk.service.store.get(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    return session
