"""`/v1/chat/ws`: a conversation over a WebSocket, which may be lost without losing anything."""

from contextlib import aclosing
from functools import partial
from typing import NamedTuple

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError

from holdfast.errors import SessionNotFound
from holdfast.server.access import Access, bearer
from holdfast.server.auth.parts import SignIn
from holdfast.server.auth.principal import Principal
from holdfast.server.auth.watching import is_signed_in, until_signed_out
from holdfast.server.clients import is_same_client
from holdfast.server.closing import Ended, Ending
from holdfast.server.conversation.admission import ENDED, Admission
from holdfast.server.conversation.parts import Talk
from holdfast.server.conversation.views import View
from holdfast.server.conversation.visitor import Client, Visitor
from holdfast.server.conversation.wire import SUBPROTOCOL, Hello, written
from holdfast.server.frames import Frames
from holdfast.server.model import ServiceSession
from holdfast.server.origins import site_of
from holdfast.server.sockets import converse, first_frame, until_one_ends
from holdfast.server.visitors import cookie_secret, network, rotation_of

router = APIRouter(tags=["Chat"])


class _Guest(NamedTuple):
    """Who was let in, and to what. Holders of a key and staff are trusted: they are not counted."""

    hello: Hello
    session: ServiceSession
    admission: Admission
    caller: Principal | None

    @property
    def trusted(self) -> bool:
        return self.admission.secret_hash is None


@router.websocket("/v1/chat/ws")
async def talk(socket: WebSocket) -> None:
    """Speak with the support agent; every tab that does so sees the same conversation."""
    talk: Talk = socket.app.state.talk

    async def admit(frames: Frames) -> _Guest:
        return await _admit(frames, socket, talk)

    async def serve(frames: Frames, guest: _Guest) -> None:
        await _serve(frames, socket, talk, guest)

    await converse(
        socket,
        admit,
        serve,
        places=talk.places,
        listed=talk.service.settings.cors_origins,
        subprotocol=SUBPROTOCOL,
        named_by="type",
    )


async def _admit(frames: Frames, socket: WebSocket, talk: Talk) -> _Guest:
    """Let those in whom a secret, a cookie, a key or a sign-in shows to belong here."""
    try:
        hello = Hello.model_validate(await first_frame(frames))
    except ValidationError as exc:
        raise Ended(Ending.UNAUTHENTICATED, "the first frame must be hello") from exc
    given = hello.session_secret
    secret = given.encode(errors="replace") if given is not None else bearer(socket)
    session = await talk.service.store.get(hello.session_id)
    caller = await _trusted(socket, secret, hello.ticket)
    if session is None and caller is not None:
        raise Ended(Ending.NO_SESSION, "there is no such conversation")
    if secret is None and site_of(socket, talk.service.settings.cors_origins) in {"own", "listed"}:
        secret = cookie_secret(socket, hello.session_id)
    opened = secret is not None and rotation_of(socket).opens(session, secret)
    if session is None or (caller is None and not opened):
        reason = "this conversation is not open to you, or it has ended"
        raise Ended(Ending.UNAUTHENTICATED, reason)
    if caller is None and not await is_same_client(socket, talk.service, session):
        raise Ended(Ending.FORBIDDEN, "this conversation was begun from another client")
    admission = Admission(
        talk.service.store,
        hello.session_id,
        session.secret_hash if caller is None else None,
        partial(is_signed_in, socket.app.state.sign_in, caller),
    )
    return _Guest(hello, session, admission, caller)


async def _trusted(socket: WebSocket, token: bytes | None, ticket: str | None) -> Principal | None:
    """Give the caller if it is one who may read every conversation."""
    access: Access = socket.app.state.access
    caller = await access.of_socket(socket, token, ticket)
    return caller if caller and caller.kind != "open" and caller.has_scope("chat") else None


async def _serve(frames: Frames, socket: WebSocket, talk: Talk, guest: _Guest) -> None:
    session = guest.session
    try:
        async with talk.rooms.enter(session.session_id) as room:
            newest = await talk.service.store.read_log(session.session_id, limit=1)
            view = View(
                room,
                number=min(guest.hello.last_number, newest.last_item),
                replayed=newest.last_item,
                secret_hash=guest.admission.secret_hash,
            )
            await frames.write(written(talk.welcome(session, newest.last_item)))
            visitor = Visitor(frames, talk, view, guest.admission, _client(socket, guest))
            sign_in: SignIn = socket.app.state.sign_in
            await until_one_ends(
                _tell(frames, view),
                visitor.hear(),
                guest.admission.watch(),
                until_signed_out(sign_in, guest.caller),
            )
    except SessionNotFound as exc:
        raise Ended(Ending.SESSION_ENDED, ENDED) from exc


def _client(socket: WebSocket, guest: _Guest) -> Client:
    return Client(
        address=socket.client.host if socket.client else None,
        network=None if guest.trusted else network(socket),
        browser=socket.headers.get("user-agent"),
    )


async def _tell(frames: Frames, view: View) -> None:
    async with aclosing(view.frames()) as told:
        async for frame in told:
            if frame is not None:
                await frames.write(written(frame))
