"""One turn, between the grant of its lease and the one change that ends it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from holdfast.change import Applied, Change
from holdfast.errors import FlagTaken, InvalidSession, LimitReached, SessionNotFound
from holdfast.fingerprint import Fingerprints
from holdfast.holding import Lease
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support.engine import Answer, Said
from holdfast.support.escalation import Assessment
from holdfast.support.handover import compose, open_ticket
from holdfast.support.incoming import Incoming
from holdfast.support.messages import Conversation, Entry, Kept, Placed
from holdfast.support.response import AgentResponse, response

COUNTER = "message_count"
# More than any log holds that a turn can be in: both its bound and its message limit are smaller.
WHOLE_LOG = 10_000


class OpenTurn:
    """The session as it is while nobody else may take a turn in it."""

    def __init__(
        self,
        store: SessionStore[SupportSession],
        lease: Lease,
        incoming: Incoming,
        *,
        max_messages: int,
        fingerprints: Fingerprints | None,
        new_id: Callable[[], str],
    ) -> None:
        self.incoming = incoming
        self.conversation = Conversation()
        self._store = store
        self._lease = lease
        self._max_messages = max_messages
        self._fingerprints = fingerprints
        self._new_id = new_id
        self._ticket_id = f"T-{new_id()}"
        self._session: SupportSession
        self._asked: Entry | None = None

    async def read(self) -> AgentResponse | None:
        """Read the session and its log; give the stored answer when there is one.

        Raises:
            SessionNotFound: the session has ended.
            InvalidSession: it is another user's.
            LimitReached: it holds as many messages as it may.
        """
        await self._read_session()
        items = await self._store.items(self._lease.session_id, limit=WHOLE_LOG)
        conversation = Conversation.of(items)
        asked = conversation.asked(self.incoming.client_message_id)
        answered = asked and conversation.answer_to(asked.message.id)
        if asked and answered:
            return response(
                self._session,
                asked.placed,
                answered.placed,
                escalated=self._session.escalated,
                replayed=True,
            )
        self._asked = asked
        self.conversation = Conversation(entry for entry in conversation if entry != asked)
        if asked is None:
            self._check_room()
        return None

    @property
    def opens_ticket(self) -> bool:
        """Whether an escalation in this turn is the session's first."""
        return not self._session.escalated

    @property
    def offered(self) -> bool:
        """Whether the message before this one offered a person."""
        return bool(self.conversation) and self.conversation[-1].message.outcome == "declined"

    def history(self, limit: int) -> tuple[Said, ...]:
        """Give the last messages as an engine reads them."""
        told = [entry.message for entry in self.conversation if entry.message.role != "system"]
        recent = told[-limit:] if limit else []
        return tuple(
            Said("visitor" if kept.role == "user" else "agent", kept.content) for kept in recent
        )

    async def keep(self) -> Placed:
        """Store the visitor's message alone, so that the turn can be taken again."""
        if self._asked is not None:
            return self._asked.placed
        said = self._said()
        change = self._change("message", [said], claim=())
        applied = await self._lease.apply(change)
        return Placed(applied.last_item, said)

    async def finish(
        self, answer: Answer | None, assessment: Assessment, *, milliseconds: float
    ) -> AgentResponse:
        """End the turn: message, answer, count, flag and ticket in one change."""
        said = self._asked.message if self._asked else self._said()
        while True:
            opens = assessment.escalates and self.opens_ticket
            kept = self._answer(said, answer, assessment, opens=opens, milliseconds=milliseconds)
            new = [kept] if self._asked else [said, kept]
            change = self._change("turn", new, claim=("escalated",) if opens else ())
            try:
                applied = await self._lease.apply(change)
            except FlagTaken:
                # Somebody raised the flag past the lease; then the ticket is theirs.
                await self._read_session()
                continue
            return self._response(said, kept, applied)

    async def _read_session(self) -> None:
        session = await self._store.get(self._lease.session_id, fresh=True)
        if session is None:
            raise SessionNotFound(self._lease.session_id)
        user_id = self.incoming.user_id
        if session.user_id is not None and user_id not in (None, session.user_id):
            raise InvalidSession("user_id", "is not the one this session belongs to")
        self._session = session

    def _check_room(self) -> None:
        """Refuse before the engine works for nothing; the change checks it again."""
        count = self._session.message_count
        if count >= self._max_messages:
            raise LimitReached(
                self._lease.session_id, counter=COUNTER, value=count, limit=self._max_messages
            )

    def _said(self) -> Kept:
        return Kept(
            kind="message",
            id=self._new_id(),
            role="user",
            content=self.incoming.text,
            user_id=self.incoming.user_id,
            request_id=self.incoming.request_id,
            client_message_id=self.incoming.client_message_id,
        )

    def _answer(
        self,
        said: Kept,
        answer: Answer | None,
        assessment: Assessment,
        *,
        opens: bool,
        milliseconds: float,
    ) -> Kept:
        ticket_id = self._ticket_id if opens else self._session.ticket_id
        reply = compose(answer, ticket_id=ticket_id, opens=opens)
        told = answer or Answer(text="")
        if opens and told.declined:
            told = replace(told, sources=())
        ticket = (
            open_ticket(self._ticket_id, assessment, self.conversation, said.content)
            if opens
            else None
        )
        return Kept(
            kind="message",
            id=self._new_id(),
            role="assistant",
            content=reply.text,
            request_id=self.incoming.request_id,
            reply_to=said.id,
            sources=told.sources,
            requires_escalation=assessment.escalates,
            ticket_id=ticket_id,
            confidence=told.confidence,
            outcome=reply.outcome,
            tools_used=told.tools_used,
            processing_time_ms=round(milliseconds, 1),
            message_count=self._session.message_count + (self._asked is None),
            ticket=ticket,
        )

    def _change(self, purpose: str, new: list[Kept], *, claim: tuple[str, ...]) -> Change:
        client_id = self.incoming.client_message_id
        first_told = self._asked is None
        return Change(
            set=self._settings(ticket=bool(claim)),
            add={COUNTER: 1} if first_told else {},
            at_most={COUNTER: self._max_messages} if first_told else {},
            claim=claim,
            append=[kept.written() for kept in new],
            change_id=f"{purpose}:{client_id}" if client_id else None,
        )

    def _settings(self, *, ticket: bool) -> dict[str, Any]:
        settings: dict[str, Any] = {}
        if self.incoming.request_id is not None:
            settings["request_id"] = self.incoming.request_id
        if ticket:
            settings["ticket_id"] = self._ticket_id
        if self._session.fingerprint is None and self._fingerprints is not None:
            fingerprint = self._fingerprints.of(
                ip_address=self.incoming.ip_address, user_agent=self.incoming.user_agent
            )
            if fingerprint is not None:
                settings["fingerprint"] = fingerprint
        return settings

    def _response(self, said: Kept, kept: Kept, applied: Applied) -> AgentResponse:
        number = applied.last_item
        asked = self._asked.placed if self._asked else Placed(applied.first_item or number, said)
        return response(
            self._session,
            asked,
            Placed(number, kept),
            escalated=bool(applied.counters["escalated"]),
            replayed=False,
        )
