"""What a turn writes: the visitor's message, the answer, and the change that holds both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from holdfast.change import Change
from holdfast.fingerprint import Fingerprints
from holdfast.session import SupportSession
from holdfast.support.engine import Answer
from holdfast.support.escalation import Assessment, Ticket
from holdfast.support.handover import compose
from holdfast.support.incoming import Incoming
from holdfast.support.messages import Kept

COUNTER: Final = "message_count"
FLAG: Final = "escalated"


class Verdict(NamedTuple):
    """What a turn came to. Without an answer only the hand-over is to be told."""

    answer: Answer | None
    assessment: Assessment
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes for one incoming message."""

    incoming: Incoming
    new_id: Callable[[], str]
    new_ticket_id: Callable[[], str]
    max_messages: int
    fingerprints: Fingerprints | None

    def question(self) -> Kept:
        """Write down what the visitor said."""
        return Kept(
            kind="message",
            id=self.new_id(),
            role="user",
            content=self.incoming.text,
            user_id=self.incoming.user_id,
            request_id=self.incoming.request_id,
            client_message_id=self.incoming.client_message_id,
        )

    def answer(
        self, said: Kept, verdict: Verdict, *, ticket: Ticket | None, ticket_id: str | None
    ) -> Kept:
        """Write down the answer; `ticket` is what this turn opens, `ticket_id` the session's."""
        reply = compose(verdict.answer, ticket_id=ticket_id, opens=ticket is not None)
        told = verdict.answer or Answer(text="")
        return Kept(
            kind="message",
            id=self.new_id(),
            role="assistant",
            content=reply.text,
            request_id=self.incoming.request_id,
            reply_to=said.id,
            sources=told.sources,
            requires_escalation=verdict.assessment.escalates,
            ticket_id=ticket_id,
            confidence=told.confidence,
            outcome=reply.outcome,
            tools_used=told.tools_used,
            processing_time_ms=round(verdict.milliseconds, 1),
            ticket=ticket,
        )

    def change(self, session: SupportSession, *, said: Kept | None, reply: Kept | None) -> Change:
        """Make the change that stores a new message of the visitor, an answer, or both."""
        told = [kept.written() for kept in (said, reply) if kept is not None]
        ticket = reply.ticket if reply else None
        return Change(
            set={**self._settings(session), **({"ticket_id": ticket.ticket_id} if ticket else {})},
            add={COUNTER: 1} if said else {},
            at_most={COUNTER: self.max_messages} if said else {},
            claim=(FLAG,) if ticket else (),
            append=told,
            change_id=self._change_id("turn" if reply else "message"),
        )

    def _change_id(self, purpose: str) -> str | None:
        client_id = self.incoming.client_message_id
        return f"{purpose}:{client_id}" if client_id else None

    def _settings(self, session: SupportSession) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        if self.incoming.request_id is not None:
            settings["request_id"] = self.incoming.request_id
        if session.fingerprint is None and self.fingerprints is not None:
            fingerprint = self.fingerprints.of(
                ip_address=self.incoming.ip_address, user_agent=self.incoming.user_agent
            )
            if fingerprint is not None:
                settings["fingerprint"] = fingerprint
        return settings
