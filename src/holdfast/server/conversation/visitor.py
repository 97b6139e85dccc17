"""What a visitor says over a socket, and what becomes of it."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from holdfast.errors import HoldfastError, InvalidSession, SessionNotFound
from holdfast.fastapi import Problem, problem_of
from holdfast.server.client_limits import count_message, too_many
from holdfast.server.closing import Ended, Ending
from holdfast.server.conversation.admission import Admission
from holdfast.server.conversation.meter import Meter
from holdfast.server.conversation.parts import Talk
from holdfast.server.conversation.rating import rate
from holdfast.server.conversation.views import View
from holdfast.server.conversation.wire import (
    SAID,
    Ack,
    CancelRun,
    Error,
    GiveFeedback,
    Ping,
    Pong,
    Said,
    SendMessage,
    Typing,
    written,
)
from holdfast.server.frames import Frames
from holdfast.server.problems import SERVICE_ANSWERS, invalid, not_found
from holdfast.support import Incoming

# Statuses of what passes by itself: the same may be said again.
PASSING: Final = frozenset({423, 429, 503})
LONGEST_KEY: Final = 40


class Client(NamedTuple):
    """Where a visitor comes from; without a `network` they are not counted."""

    address: str | None
    network: str | None
    browser: str | None


class Visitor:
    """One side of a socket: it hears what the visitor says."""

    def __init__(
        self, frames: Frames, talk: Talk, view: View, admission: Admission, client: Client
    ) -> None:
        self._frames = frames
        self._talk = talk
        self._view = view
        self._admission = admission
        self._session_id = admission.session_id
        self._client = client
        self._meter = Meter()

    async def hear(self) -> None:
        """Do what is said, frame by frame.

        Raises:
            Ended: nothing is said any more, or too much, or nothing that makes sense.
            SessionNotFound: the conversation has ended.
        """
        try:
            while True:
                frame = await self._read()
                self._meter.count()
                try:
                    said = SAID.validate_python(frame)
                except ValidationError as exc:
                    await self._frames.refuse(_explained(exc))
                else:
                    self._frames.note_good()
                    await self._heed(said)
        finally:
            self._view.note_typing(on=False)

    async def _read(self) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._talk.service.settings.websocket_idle_seconds):
                return await self._frames.read()
        except TimeoutError as exc:
            raise Ended(Ending.IDLE, "nothing was said for too long") from exc

    async def _heed(self, said: Said) -> None:
        """Do one thing; where it cannot be done, say so, and go on."""
        try:
            await self._do(said)
        except SessionNotFound:
            raise
        except InvalidSession as exc:
            await self._refuse(said, invalid(exc.field, exc.rule))
        except HoldfastError as exc:
            revealing = not self._talk.service.settings.production
            problem = problem_of(exc, answers=SERVICE_ANSWERS, revealing=revealing)
            await self._refuse(said, problem)
        except Problem as problem:
            await self._refuse(said, problem)

    async def _do(self, said: Said) -> None:
        if isinstance(said, Typing):
            self._view.note_typing(on=said.on)
            return
        session = await self._admission.check()
        match said:
            case SendMessage():
                await self._send(said)
            case CancelRun(run_id=run_id):
                if await self._talk.runs.cancel(self._session_id, run_id) is None:
                    raise not_found("There is no such answer in the making.")
            case GiveFeedback():
                service = self._talk.service
                await rate(service.store, service.agent, self._session_id, said)
            case Ping(stay=stay):
                if stay:
                    await self._talk.service.store.touch(self._session_id)
                    session = await self._admission.check()
                await self._frames.write(written(Pong(expires_at=session.expires_at)))

    async def _send(self, said: SendMessage) -> None:
        if said.attachment_ids:
            raise invalid("attachment_ids", "attachments cannot be sent yet")
        incoming = Incoming(
            text=said.text,
            client_message_id=said.client_message_id,
            request_id=secrets.token_hex(16),
            ip_address=self._client.address,
            user_agent=self._client.browser,
        )
        await self._take_one()
        accepted = await self._talk.runs.send(self._session_id, incoming)
        ack = Ack(
            client_message_id=said.client_message_id,
            message_id=accepted.message_id,
            number=accepted.number,
            duplicate=accepted.duplicate,
        )
        await self._frames.write(written(ack))

    async def _take_one(self) -> None:
        """Count a message against what the visitor may send.

        Raises:
            Problem: it is one too many.
        """
        visitors, network = self._talk.service.visitors, self._client.network
        if visitors is None or network is None:
            return
        taken = await visitors.take(network)
        if not taken.allowed:
            raise too_many(taken)
        await count_message(self._talk.service, self._session_id)

    async def _refuse(self, said: Said, problem: Problem) -> None:
        error = Error(
            code=problem.code,
            detail=problem.detail,
            retryable=problem.status_code in PASSING,
            client_message_id=said.client_message_id if isinstance(said, SendMessage) else None,
        )
        await self._frames.write(written(error))


def _explained(error: ValidationError) -> str:
    """Name what is wrong with a frame, never its value."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"].startswith("union_tag"):
        return "type: must name something that can be said"
    # The names of keys that nobody knows are the client's own words.
    place = ".".join(str(part)[:LONGEST_KEY] for part in first["loc"][1:])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
