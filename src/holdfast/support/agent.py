"""The support agent: messages in, answers out, one turn of a session at a time."""

import base64
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from holdfast.errors import InvalidSession
from holdfast.fingerprint import Fingerprints
from holdfast.session import RunMark, SupportSession
from holdfast.store import SessionStore
from holdfast.support.accepting import Accepted, accept
from holdfast.support.engine import ChatEngine
from holdfast.support.escalation import Escalation, Ticket
from holdfast.support.incoming import Incoming
from holdfast.support.knowledge import Knowledge
from holdfast.support.messages import Conversation, Message, MessagePage
from holdfast.support.metrics import SessionMetrics, Stopwatch, measure
from holdfast.support.policy import AgentPolicy
from holdfast.support.recollection import read_conversation, read_recent
from holdfast.support.response import AgentResponse
from holdfast.support.runs import examine, request_stop, take_over
from holdfast.support.spending import Purses
from holdfast.support.turn import Parts, Run
from holdfast.support.writing import Writer


def _new_id() -> str:
    return secrets.token_hex(16)


def _new_ticket_id() -> str:
    # 100 random bits: even among 2**40 tickets two are alike less often than once in 10**6 times,
    # and none can be guessed. Twenty letters and digits can still be copied by hand.
    return "T-" + base64.b32encode(secrets.token_bytes(13)).decode()[:20]


class SupportAgent:
    """Answers visitors from a knowledge base, and knows when a person has to.

    It keeps nothing between turns but figures: any worker with the same store may take any turn.
    """

    def __init__(
        self,
        store: SessionStore[SupportSession],
        knowledge: Knowledge,
        engine: ChatEngine,
        *,
        policy: AgentPolicy | None = None,
        fingerprints: Fingerprints | None = None,
        purses: Purses | None = None,
        new_id: Callable[[], str] = _new_id,
        new_ticket_id: Callable[[], str] = _new_ticket_id,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        policy = policy or AgentPolicy()
        self._store = store
        self._policy = policy
        self._parts = Parts(
            store=store,
            knowledge=knowledge,
            engine=engine,
            policy=policy,
            escalation=Escalation(policy.escalation),
            purses=purses,
        )
        self._fingerprints = fingerprints
        self._new_id = new_id
        self._new_ticket_id = new_ticket_id
        self._monotonic = monotonic
        self._stopwatch = Stopwatch()

    async def process_message(
        self,
        session_id: str,
        message: str,
        *,
        user_id: str | None = None,
        request_id: str | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
        client_message_id: str | None = None,
    ) -> AgentResponse:
        """Take one turn, after those that came before it in this session.

        The same `client_message_id` again, also while the first is being answered, gives the stored
        answer and stores nothing.

        Raises:
            InvalidSession: a value that breaks a rule, or a session of another user.
            SessionNotFound: there is no such session.
            LimitReached: the session holds as many messages as it may.
            LeaseUnavailable: the turns before took longer than this one may wait.
            AnswerUnavailable: the engine failed; the message is kept, the turn can be repeated.
            BudgetExceeded, PriceUnknown: the engine was not asked; the message is kept as well.
        """
        began = self._monotonic()
        incoming = Incoming(
            text=message,
            user_id=user_id,
            request_id=request_id,
            client_message_id=client_message_id,
            ip_address=ip_address,
            user_agent=user_agent,
        )
        async with self.run(session_id, incoming) as run:
            answer = run.replayed
            if answer is None:
                async with aclosing(run.events()) as events:
                    async for _ in events:
                        continue
                answer = await run.complete()
        self._stopwatch.add(self._monotonic() - began)
        return answer

    async def accept(self, session_id: str, incoming: Incoming) -> Accepted:
        """Store and count a message without waiting for a turn; `run` answers it.

        Raises:
            SessionNotFound: there is no such session.
            InvalidSession: it is another user's.
            LimitReached: the session holds as many messages as it may.
        """
        writer = self._writer(incoming)
        return await accept(self._store, session_id, writer)

    @asynccontextmanager
    async def run(
        self, session_id: str, incoming: Incoming, *, in_order: bool = False
    ) -> AsyncGenerator[Run]:
        """Wait for the session's turn and begin a run; it is interrupted unless the block ends it.

        A message that is stored already, by `accept` or by an earlier run, is not stored again.
        Where it has an answer as well, that is the run's `replayed`. With `in_order` a message that
        was stored before this one and waits for its run is taken instead.

        Raises:
            LeaseUnavailable: the turns before took longer than this one may wait.
            SessionNotFound, InvalidSession, LimitReached: see `accept`.
            LeaseLost: somebody else took the session over while the block ran.
        """
        policy = self._policy
        async with self._store.lease(
            session_id, ttl=policy.lease_ttl, wait=policy.lease_wait
        ) as lease:
            writer, run_id = self._writer(incoming), self._new_id()
            run = Run(self._parts, lease, writer, run_id=run_id, in_order=in_order)
            try:
                await run.begin()
                yield run
            finally:
                await run.leave()

    async def stored(self, session_id: str, message_id: str) -> Incoming:
        """Give a stored message of the visitor back as what a run answers: to take it again.

        Raises:
            SessionNotFound: there is no such session.
            InvalidSession: it has no such message.
        """
        entry = (await read_conversation(self._store, session_id)).find(message_id)
        if entry is None or entry.message.role != "user":
            raise InvalidSession("message_id", "names no message of this session")
        return entry.message.again()

    async def unanswered(self, session_id: str) -> tuple[Message, ...]:
        """Give the visitor's recent messages that have no answer, oldest first.

        Raises:
            SessionNotFound: there is no such session.
        """
        recent, _ = await read_recent(self._store, session_id)
        return tuple(entry.shown() for entry in recent.unanswered())

    async def request_stop(self, session_id: str, run_id: str | None = None) -> str | None:
        """Ask whoever runs this run, or the one that goes on, to stop it; None when it is over.

        Raises:
            SessionNotFound: there is no such session.
        """
        return await request_stop(self._store, session_id, run_id)

    async def examine(self, session_id: str) -> RunMark | None:
        """Say what became of the newest run; one whose process is gone gets marked as interrupted.

        None when its message has been answered.

        Raises:
            SessionNotFound: there is no such session.
        """
        return await examine(self._store, session_id, lease_ttl=self._policy.lease_ttl)

    async def take_over(self, session_id: str, run_id: str) -> None:
        """Interrupt a run whose worker gives no sign of life; if it lives, it loses the session.

        A run that is over, or has lost the session to another one, is left as it is.

        Raises:
            SessionNotFound: there is no such session.
            LeaseLost: somebody else does the same.
        """
        await take_over(self._store, session_id, run_id, lease_ttl=self._policy.lease_ttl)

    async def messages(self, session_id: str, *, after: int = 0, limit: int = 100) -> MessagePage:
        """Read the conversation in order: messages among the `limit` items after number `after`.

        Raises:
            SessionNotFound: there is no such session.
            InvalidSession: `after` or `limit` out of range.
        """
        log = await self._store.read_log(session_id, after=after, limit=limit)
        shown = tuple(entry.shown() for entry in Conversation.of(log.items))
        return MessagePage(messages=shown, last_number=log.last_item)

    async def ticket(self, session_id: str) -> Ticket | None:
        """Give the ticket that the conversation was handed over with; for staff only.

        Raises:
            SessionNotFound: there is no such session.
        """
        return (await read_conversation(self._store, session_id)).ticket()

    async def get_or_create_session(
        self,
        session_id: str,
        *,
        user_id: str | None = None,
        ip_address: str | None = None,
        user_agent: str | None = None,
    ) -> SupportSession:
        """Read a session, or create it with the fingerprint of the client."""

        def initial() -> dict[str, Any]:
            prints = self._fingerprints
            fingerprint = prints and prints.of(ip_address=ip_address, user_agent=user_agent)
            return {"user_id": user_id, "fingerprint": fingerprint}

        return await self._store.get_or_create(session_id, factory=initial)

    async def cleanup_session(self, session_id: str) -> bool:
        """End a session and all that was said in it; False when there was none."""
        return await self._store.delete(session_id)

    async def metrics(self) -> SessionMetrics:
        """Count messages and escalations over all live sessions."""
        return await measure(self._store, self._stopwatch)

    def _writer(self, incoming: Incoming) -> Writer:
        return Writer(
            incoming=incoming,
            new_id=self._new_id,
            new_ticket_id=self._new_ticket_id,
            max_messages=self._policy.max_messages,
            fingerprints=self._fingerprints,
        )
