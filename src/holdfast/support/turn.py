"""One turn, between the grant of its lease and the one change that ends it."""

from typing import NamedTuple

from holdfast.errors import FlagTaken, InvalidSession, LimitReached, SessionNotFound
from holdfast.holding import Lease
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support.engine import Said
from holdfast.support.handover import open_ticket
from holdfast.support.messages import Conversation, Kept, Placed
from holdfast.support.recollection import recall
from holdfast.support.response import AgentResponse, response
from holdfast.support.writing import COUNTER, FLAG, Verdict, Writer


class Scene(NamedTuple):
    """What a turn begins with: `asked` is its message where an earlier try stored it already."""

    session: SupportSession
    before: Conversation
    asked: Placed | None

    @property
    def offered(self) -> bool:
        """Whether the message before this one offered a person."""
        return bool(self.before) and self.before[-1].message.outcome == "declined"

    def history(self, limit: int) -> tuple[Said, ...]:
        """Give the last messages as an engine reads them."""
        told = [entry.message for entry in self.before if entry.message.role != "system"]
        recent = told[-limit:] if limit else []
        return tuple(
            Said("visitor" if kept.role == "user" else "agent", kept.content) for kept in recent
        )


class OpenTurn:
    """The session as it is while nobody else may take a turn in it."""

    def __init__(self, store: SessionStore[SupportSession], lease: Lease, writer: Writer) -> None:
        self._store = store
        self._lease = lease
        self._writer = writer

    async def begin(self) -> Scene | AgentResponse:
        """Read what there is; where the message was answered before, that answer is all.

        Raises:
            SessionNotFound: the session has ended.
            InvalidSession: it is another user's.
            LimitReached: it holds as many messages as it may.
        """
        session = await self._session()
        incoming = self._writer.incoming
        known = await recall(
            self._store, session.session_id, client_message_id=incoming.client_message_id
        )
        if known.asked and known.answer:
            asked, answer = known.asked.placed, known.answer.placed
            return response(session, asked, answer, escalated=session.escalated, replayed=True)
        if known.asked is None:
            self._check_room(session)
        before = Conversation(entry for entry in known.recent if entry != known.asked)
        return Scene(session, before, known.asked.placed if known.asked else None)

    async def keep(self, scene: Scene) -> Placed:
        """Store the visitor's message alone, so that the turn can be taken again."""
        if scene.asked is not None:
            return scene.asked
        said = self._writer.question()
        applied = await self._lease.apply(self._writer.change(scene.session, said=said, reply=None))
        return Placed(applied.last_item, said)

    async def finish(self, scene: Scene, verdict: Verdict) -> AgentResponse:
        """End the turn: message, answer, count, flag and ticket in one change."""
        said = scene.asked.message if scene.asked else self._writer.question()
        ticket_id = self._writer.new_ticket_id()
        session = scene.session
        while True:
            reply = self._reply(scene, session, said, verdict, ticket_id)
            change = self._writer.change(session, said=None if scene.asked else said, reply=reply)
            try:
                applied = await self._lease.apply(change)
            except FlagTaken:
                # Somebody raised the flag without a lease: the ticket is theirs to open.
                session = await self._session()
            else:
                number = applied.last_item
                asked = scene.asked or Placed(applied.first_item or number, said)
                escalated = bool(applied.counters[FLAG])
                answer = Placed(number, reply)
                return response(session, asked, answer, escalated=escalated, replayed=False)

    def _reply(
        self, scene: Scene, session: SupportSession, said: Kept, verdict: Verdict, ticket_id: str
    ) -> Kept:
        opens = verdict.assessment.escalates and not session.escalated
        ticket = (
            open_ticket(ticket_id, verdict.assessment, scene.before, said.content)
            if opens
            else None
        )
        reply = self._writer.answer(
            said, verdict, ticket=ticket, ticket_id=ticket_id if opens else session.ticket_id
        )
        count = session.message_count + (scene.asked is None)
        return reply.model_copy(update={"message_count": count})

    async def _session(self) -> SupportSession:
        session = await self._store.get(self._lease.session_id, fresh=True)
        if session is None:
            raise SessionNotFound(self._lease.session_id)
        user_id = self._writer.incoming.user_id
        if session.user_id is not None and user_id not in {None, session.user_id}:
            raise InvalidSession("user_id", "is not the one this session belongs to")
        return session

    def _check_room(self, session: SupportSession) -> None:
        """Refuse before the engine works for nothing; the change checks it again."""
        count, limit = session.message_count, self._writer.max_messages
        if count >= limit:
            raise LimitReached(session.session_id, counter=COUNTER, value=count, limit=limit)
