"""One turn, between the grant of its lease and the one change that ends it."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from holdfast.change import Applied, Change
from holdfast.errors import (
    FlagTaken,
    InvalidSession,
    LeaseLost,
    SessionNotFound,
    StoreUnavailable,
)
from holdfast.holding import Lease
from holdfast.session import Fact, RunMark, SupportSession
from holdfast.store import SessionStore
from holdfast.support.checking import check_room, check_user
from holdfast.support.citing import ranks
from holdfast.support.engine import (
    Answer,
    ChatEngine,
    EngineEvent,
    Failed,
    Finished,
    SourcesCited,
    TextDelta,
    TextWithdrawn,
    Turn,
)
from holdfast.support.errors import AnswerUnavailable
from holdfast.support.escalation import Assessment, Escalation
from holdfast.support.facts import heard, live_facts, remember
from holdfast.support.handover import open_ticket
from holdfast.support.knowledge import Knowledge
from holdfast.support.languages import Language, spoken
from holdfast.support.library import Library
from holdfast.support.messages import Kept, Placed, Source
from holdfast.support.policy import AgentPolicy
from holdfast.support.recollection import Recollection, history, recall
from holdfast.support.response import AgentResponse, response
from holdfast.support.spending import Bill, Purse, Purses
from holdfast.support.writing import COUNTER, FLAG, Verdict, Writer, apply_once

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = 5.0
INTERRUPTED: Final = "The answer was interrupted."

Stage = Literal["new", "running", "ending", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every turn of an agent stands on."""

    store: SessionStore[SupportSession]
    knowledge: Knowledge
    engine: ChatEngine
    policy: AgentPolicy
    escalation: Escalation
    purses: Purses | None = None


class Run:
    """One try at answering one message, while nobody else may take a turn in the session.

    `begin` stores and counts the message, unless that was done before; `events` asks the engine;
    then one of `complete`, `cancel`, `interrupt` and `fail` ends the run, in one change that the
    store refuses once the lease is lost. Whoever goes away in the middle leaves the message stored
    and the session marked with this run, so that any worker can take the turn again.

    With `in_order` a stored message that no run has begun with goes before one that came later;
    then the run is `for_another`. `text` is the answer told so far. `replayed` is the answer of a
    turn that was over before: then there is nothing to be done.
    """

    def __init__(
        self, parts: Parts, lease: Lease, writer: Writer, *, run_id: str, in_order: bool = False
    ) -> None:
        self.run_id = run_id
        self.for_another = False
        self.text = ""
        self.replayed: AgentResponse | None = None
        self._in_order = in_order
        self._parts = parts
        self._lease = lease
        self._given = self._writer = writer
        self._stage: Stage = "new"
        self._began = 0.0
        self._answer: Answer | None = None
        self._sources: tuple[Source, ...] = ()
        self._stopped = False
        self._failure: Failed | None = None
        self._purse: Purse | None = None
        self._bill = Bill()
        self._count = 0

    @property
    def session_id(self) -> str:
        return self._lease.session_id

    @property
    def asked(self) -> Placed:
        """The visitor's message and its number; known once the run has begun."""
        return self._asked

    @property
    def failure(self) -> Failed | None:
        """What the engine failed with, once it has."""
        return self._failure

    async def begin(self) -> None:
        """Store the message, count it, and mark the run as running: one change.

        Raises:
            SessionNotFound: the session has ended.
            InvalidSession: it is another user's, or the message is not there any more.
            LimitReached: it holds as many messages as it may.
            LeaseLost: somebody else has the session.
        """
        if not await self._begun() and not await self._begun():
            raise InvalidSession("client_message_id", "was used before for something else")
        self._began = time.monotonic()

    async def events(self) -> AsyncGenerator[EngineEvent]:
        """Ask the engine, and pass on what it tells; nothing where a person is to answer."""
        if self._needs_no_engine:
            return
        async with aclosing(self._parts.engine.stream(self._turn())) as told:
            async for event in told:
                self._hear(event)
                yield event

    async def complete(self) -> AgentResponse:
        """End the run with its answer: message, sources and ticket in one change.

        Raises:
            AnswerUnavailable: the engine failed; the message is kept, the turn can be repeated.
            BudgetExceeded, PriceUnknown: it was not asked; the message is kept as well.
            LeaseLost: somebody else has the session; nothing was stored.
        """
        failure = self._failure
        if failure is not None and not self._hands_over:
            await self.fail(failure)
            raise failure.error or AnswerUnavailable(
                self._session.session_id,
                message_id=self._asked.message.id,
                number=self._asked.number,
                retry_after=failure.retry_after or RETRY_AFTER,
                message=failure.message,
                retryable=failure.retryable,
            )
        if self._answer is None and failure is None and not self._needs_no_engine:
            raise RuntimeError("events() is read to its end before complete()")
        return await self._finish()

    async def cancel(self) -> AgentResponse:
        """End the run because the visitor stopped it; what was told so far is the answer."""
        text = self.text.strip()
        cited = ranks(text)
        sources = tuple(source for source in self._sources if source.rank in cited)
        self._answer, self._stopped = Answer(text=text, sources=sources), True
        return await self._finish()

    async def interrupt(self) -> None:
        """End the run without an answer; it can be taken again."""
        await self._leave_mark(state="interrupted", reason=INTERRUPTED)

    async def fail(self, failure: Failed) -> None:
        """End the run because the engine failed; it can be taken again."""
        logger.warning("support.engine_failed", extra={"reason": failure.reason})
        reason, retryable = failure.message, failure.retryable
        await self._leave_mark(state="failed", reason=reason, retryable=retryable)

    async def leave(self) -> None:
        """Interrupt the run if nothing has ended it; a store that is out finds it so later."""
        if self._stage == "running":
            await asyncio.shield(asyncio.ensure_future(self._interrupt_quietly()))

    async def keep(self, draft: Any) -> bool:
        """Put what is in the making beside the session; None clears it, False: there is no session.

        Raises:
            LeaseLost: somebody else has the session.
        """
        token = self._lease.token
        return await self._parts.store.keep_draft(self._lease.session_id, draft, lease_token=token)

    async def until_stopped(self) -> None:
        """Wait until somebody asks for this run to stop, on whatever worker; see `request_stop`."""
        async for _ in self._parts.store.watch(self._lease.session_id):
            session = await self._parts.store.get(self._lease.session_id, fresh=True)
            mark = session.run if session else None
            if mark is not None and mark.run_id == self.run_id and mark.stop:
                return

    # Beginning

    async def _begun(self) -> bool:
        """Try once; False when the message was stored by somebody else in the meantime."""
        self._session = session = await self._read_session()
        self._writer, self.for_another = self._given, False
        incoming = self._writer.incoming
        known = await recall(self._parts.store, session.session_id, incoming)
        if self._in_order and known.answer is None:
            known = self._in_front(known)
        self._before = known.recent.until(known.asked)
        if known.asked and known.answer:
            self._asked, answer = known.asked.placed, known.answer.placed
            self.replayed = response(
                session, self._asked, answer, escalated=session.escalated, replayed=True
            )
            self._stage = "ended"
            return True
        if known.asked is None and incoming.message_id is not None:
            raise InvalidSession("message_id", "names no message of this session")
        self._furthest = max(session.begun, known.recent.number_of(self._marked_before))
        return await self._marked(known.asked.placed if known.asked else None)

    @property
    def _marked_before(self) -> str | None:
        return self._session.run.message_id if self._session.run else None

    def _in_front(self, known: Recollection) -> Recollection:
        """Take the message that has waited longest in the place of the one that came."""
        begun = self._session.begun
        waiting = known.recent.never_begun(self._marked_before, begun=begun)
        if not waiting or (known.asked and waiting[0].number >= known.asked.number):
            return known
        self._writer = replace(self._given, incoming=waiting[0].message.again())
        self.for_another = True
        return Recollection(known.recent, waiting[0], None)

    async def _marked(self, asked: Placed | None) -> bool:
        said = asked.message if asked else self._writer.question()
        self._facts = self._remember(said.content)
        values = {**self._writer.settings(self._session), **self._learned()}
        values["run"] = RunMark(
            run_id=self.run_id, message_id=said.id, lease_token=self._lease.token
        )
        values["begun"] = max(self._furthest, asked.number if asked else 0)
        if asked is None:
            check_room(self._session, self._writer.max_messages)
            change = self._writer.storing(said, **values)
            applied = await apply_once(self._lease.apply, change)
        else:
            applied = await self._lease.apply(Change(set=values))
        if applied is None:
            return False
        self._asked = asked or Placed(applied.last_item, said)
        self._count = applied.counters[COUNTER]
        self._assessment = self._assess(said.content)
        self._language: Language = spoken(
            said.content,
            before=self._before.said_by_visitor(),
            preferred=self._session.metadata.get("language"),
        )
        self._purse = self._parts.purses(self._session) if self._parts.purses else None
        self._stage = "running"
        return True

    def _remember(self, text: str) -> tuple[Fact, ...]:
        now, hours = datetime.now(UTC), self._parts.policy.memory_hours
        told = heard(text, now=now, memory=timedelta(hours=hours)) if hours else []
        return remember(self._session.facts, told, now=now)

    def _learned(self) -> dict[str, tuple[Fact, ...]]:
        return {} if self._facts == self._session.facts else {"facts": self._facts}

    def _assess(self, text: str) -> Assessment:
        offered = bool(self._before) and self._before[-1].message.outcome == "declined"
        return self._parts.escalation.assess(
            text, earlier=self._before.said_by_visitor(), offered=offered
        )

    # Asking

    @property
    def _hands_over(self) -> bool:
        """Whether this turn opens the session's ticket."""
        return self._assessment.escalates and not self._session.escalated

    @property
    def _needs_no_engine(self) -> bool:
        return self._assessment.asked and self._assessment.escalates

    def _turn(self) -> Turn:
        return Turn(
            text=self._asked.message.content,
            history=history(self._before, self._parts.policy.history),
            library=Library(self._parts.knowledge),
            facts=live_facts(self._facts, now=datetime.now(UTC)),
            purse=self._purse,
            language=self._language,
        )

    def _hear(self, event: EngineEvent) -> None:
        match event:
            case TextDelta(text):
                self.text += text
            case TextWithdrawn():
                self.text, self._sources = "", ()
            case SourcesCited(sources):
                self._sources = sources
            case Finished(answer):
                self._answer = answer
            case Failed():
                self._failure = event
            case _:
                return

    # Ending

    async def _finish(self) -> AgentResponse:
        said = self._asked.message
        ticket_id = self._writer.new_ticket_id()
        self._bill = await self._purse.bill() if self._purse else Bill()
        while True:
            reply = self._reply(said, ticket_id)
            try:
                applied = await self._end(self._writer.ending(said, reply))
            except FlagTaken:
                # Somebody raised the flag without a lease: the ticket is theirs to open.
                self._session = await self._read_session()
            else:
                self._tell_handed_over(reply)
                return self._response(applied, reply)

    def _reply(self, said: Kept, ticket_id: str) -> Kept:
        opens = self._hands_over
        milliseconds = (time.monotonic() - self._began) * 1000
        verdict = Verdict(
            self._answer,
            self._assessment,
            milliseconds,
            self._count,
            self._facts,
            stopped=self._stopped,
            language=self._language,
        )
        ticket = (
            open_ticket(ticket_id, self._assessment, self._before, said.content, facts=self._facts)
            if opens
            else None
        )
        reply = self._writer.answer(
            said, verdict, ticket=ticket, ticket_id=ticket_id if opens else self._session.ticket_id
        )
        return reply.model_copy(update={"run_id": self.run_id, "bill": self._bill})

    def _tell_handed_over(self, reply: Kept) -> None:
        if reply.ticket is not None:
            category, priority = reply.ticket.category, reply.ticket.priority
            extra = {"category": category, "priority": priority}
            logger.info("support.handed_over", extra=extra)

    async def _leave_mark(self, **became: Any) -> None:
        mark = RunMark(run_id=self.run_id, message_id=self._asked.message.id, **became)
        await self._end(Change(set={"run": mark}))

    async def _interrupt_quietly(self) -> None:
        try:
            await self.interrupt()
        except (LeaseLost, SessionNotFound, StoreUnavailable):
            logger.info("support.interruption_unmarked")

    async def _end(self, change: Change) -> Applied:
        """Apply the change that ends the run; one that may have been applied is not followed up."""
        self._stage = "ending"
        begun = max(self._furthest, self._asked.number)
        try:
            applied = await self._lease.apply(change._replace(set={**change.set, "begun": begun}))
        except FlagTaken:
            self._stage = "running"
            raise
        self._stage = "ended"
        return applied

    def _response(self, applied: Applied, reply: Kept) -> AgentResponse:
        answer = Placed(applied.last_item, reply)
        escalated = bool(applied.counters[FLAG])
        return response(self._session, self._asked, answer, escalated=escalated, replayed=False)

    async def _read_session(self) -> SupportSession:
        session = await self._parts.store.get(self._lease.session_id, fresh=True)
        if session is None:
            raise SessionNotFound(self._lease.session_id)
        check_user(session, self._writer.incoming.user_id)
        return session
