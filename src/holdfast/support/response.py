"""What a turn gives back."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from holdfast.session import SupportSession
from holdfast.support.messages import Placed, Source


class AgentResponse(BaseModel):
    """The answer to a message; `message_id` and `number` are those of the answer itself.

    `requires_escalation` says whether this message called for a person, `ticket_id` names the
    session's ticket once there is one. `confidence` says how well the sources carry the answer,
    0 to 1. `metadata.replayed` marks the stored answer to a message that had been sent before;
    `cost`, `budget_remaining` and `items` there are the `Bill`.
    """

    model_config = ConfigDict(frozen=True)

    message_id: str
    number: int
    message: str
    sources: tuple[Source, ...]
    requires_escalation: bool
    ticket_id: str | None
    confidence: float
    tools_used: tuple[str, ...]
    processing_time_ms: float
    message_count: int
    session_id: str
    request_id: str | None
    metadata: dict[str, Any]


def response(
    session: SupportSession, asked: Placed, reply: Placed, *, escalated: bool, replayed: bool
) -> AgentResponse:
    """Put together what the visitor said and what was stored as the answer."""
    kept = reply.message
    stats = {
        "message_count": kept.message_count,
        "created_at": session.created_at,
        "escalated": escalated,
    }
    return AgentResponse(
        message_id=kept.id,
        number=reply.number,
        message=kept.content,
        sources=kept.sources,
        requires_escalation=kept.requires_escalation,
        ticket_id=kept.ticket_id,
        confidence=kept.confidence or 0.0,
        tools_used=kept.tools_used,
        processing_time_ms=kept.processing_time_ms,
        message_count=kept.message_count,
        session_id=session.session_id,
        request_id=kept.request_id,
        metadata={
            "session_stats": stats,
            "outcome": kept.outcome,
            "replayed": replayed,
            "user_message_id": asked.message.id,
            "user_number": asked.number,
            **kept.bill.model_dump(mode="json"),
        },
    )
