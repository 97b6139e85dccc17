"""What a turn writes: the visitor's message, the answer, and the change that holds both."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from holdfast.change import Applied, Change
from holdfast.errors import InvalidSession
from holdfast.fingerprint import Client, Fingerprints
from holdfast.session import Fact, SupportSession
from holdfast.support.engine import Answer
from holdfast.support.escalation import Assessment, Ticket
from holdfast.support.handover import compose
from holdfast.support.incoming import Incoming
from holdfast.support.languages import Language
from holdfast.support.messages import Kept

COUNTER: Final = "message_count"
FLAG: Final = "escalated"


Apply = Callable[[Change], Awaitable[Applied]]


async def apply_once(apply: Apply, change: Change) -> Applied | None:
    """Apply a change; None when its id is known, so that the same message is stored already."""
    try:
        return await apply(change)
    except InvalidSession as exc:
        # Sent twice by its client, a message is the same; what it is stored as differs.
        if exc.field != "change_id":
            raise
        return None


class Verdict(NamedTuple):
    """What a turn came to. Without an answer only the hand-over is to be told.

    `stopped` says that the answer is what had been told when the visitor stopped it.
    """

    answer: Answer | None
    assessment: Assessment
    milliseconds: float
    message_count: int
    facts: tuple[Fact, ...] = ()
    stopped: bool = False
    language: Language = "en"


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
        reply = compose(
            verdict.answer,
            ticket_id=ticket_id,
            opens=ticket is not None,
            facts=verdict.facts,
            language=verdict.language,
        )
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
            outcome="stopped" if verdict.stopped and ticket is None else reply.outcome,
            tools_used=told.tools_used,
            processing_time_ms=round(verdict.milliseconds, 1),
            message_count=verdict.message_count,
            ticket=ticket,
        )

    def storing(self, said: Kept, **values: Any) -> Change:
        """Make the change that stores and counts a new message of the visitor."""
        client_id = self.incoming.client_message_id
        return Change(
            set=values,
            add={COUNTER: 1},
            at_most={COUNTER: self.max_messages},
            append=[said.written()],
            change_id=f"message:{client_id}" if client_id else None,
        )

    def ending(self, said: Kept, reply: Kept) -> Change:
        """Make the change that ends a turn: answer and ticket; no run is under way any more."""
        ticket = reply.ticket
        return Change(
            set={"ticket_id": ticket.ticket_id} if ticket else {},
            unset=("run",),
            claim=(FLAG,) if ticket else (),
            append=[reply.written()],
            change_id=f"answer:{said.id}",
        )

    def settings(self, session: SupportSession) -> dict[str, Any]:
        """Say what a session learns with a message."""
        settings: dict[str, Any] = {}
        if self.incoming.request_id is not None:
            settings["request_id"] = self.incoming.request_id
        if self.fingerprints is not None:
            client = Client(self.incoming.ip_address, self.incoming.user_agent)
            verdict = self.fingerprints.compare(session.fingerprint, client, "soft")
            if verdict.renewed is not None:
                settings["fingerprint"] = verdict.renewed
        return settings
