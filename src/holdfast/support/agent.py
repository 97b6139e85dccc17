"""The support agent: messages in, answers out, one turn of a session at a time."""

import base64
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from holdfast.fingerprint import Fingerprints
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support.engine import Answer, ChatEngine, Turn
from holdfast.support.errors import AnswerUnavailable, EngineFailed
from holdfast.support.escalation import Assessment, Escalation, Ticket
from holdfast.support.incoming import Incoming
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from holdfast.support.messages import Conversation, MessagePage
from holdfast.support.metrics import SessionMetrics, Stopwatch, measure
from holdfast.support.policy import AgentPolicy
from holdfast.support.recollection import read_conversation
from holdfast.support.response import AgentResponse
from holdfast.support.turn import OpenTurn, Scene
from holdfast.support.writing import Verdict, Writer

logger = logging.getLogger(__name__)

RETRY_AFTER: Final = 5.0


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
        new_id: Callable[[], str] = _new_id,
        new_ticket_id: Callable[[], str] = _new_ticket_id,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._engine = engine
        self._policy = policy or AgentPolicy()
        self._escalation = Escalation(self._policy.escalation)
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
        policy = self._policy
        writer = Writer(
            incoming=incoming,
            new_id=self._new_id,
            new_ticket_id=self._new_ticket_id,
            max_messages=policy.max_messages,
            fingerprints=self._fingerprints,
        )
        async with self._store.lease(
            session_id, ttl=policy.lease_ttl, wait=policy.lease_wait
        ) as lease:
            response = await self._take(OpenTurn(self._store, lease, writer), incoming.text)
        self._stopwatch.add(self._monotonic() - began)
        return response

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

    async def _take(self, turn: OpenTurn, text: str) -> AgentResponse:
        scene = await turn.begin()
        if isinstance(scene, AgentResponse):
            return scene
        began = self._monotonic()
        assessment = self._escalation.assess(
            text, earlier=scene.before.said_by_visitor(), offered=scene.offered
        )
        answer = await self._answer(turn, scene, assessment, text)
        milliseconds = (self._monotonic() - began) * 1000
        response = await turn.finish(scene, Verdict(answer, assessment, milliseconds))
        if assessment.escalates and not scene.session.escalated:
            logger.info(
                "support.handed_over",
                extra={"category": assessment.category, "priority": assessment.priority},
            )
        return response

    async def _answer(
        self, turn: OpenTurn, scene: Scene, assessment: Assessment, text: str
    ) -> Answer | None:
        """Ask the engine, unless the visitor wants a person; None when only that is to be told."""
        if assessment.asked and assessment.escalates:
            return None
        history = scene.history(self._policy.history)
        try:
            return await self._engine.answer(
                Turn(text=text, history=history, library=Library(self._knowledge))
            )
        except EngineFailed as exc:
            logger.warning("support.engine_failed", extra={"reason": exc.reason})
            if assessment.escalates and not scene.session.escalated:
                return None
            kept = await turn.keep(scene)
            raise AnswerUnavailable(
                scene.session.session_id,
                message_id=kept.message.id,
                number=kept.number,
                retry_after=exc.retry_after or RETRY_AFTER,
            ) from exc
