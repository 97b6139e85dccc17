"""What happens to sessions, told over a WebSocket to whoever may use them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, WebSocket

from holdfast.errors import StoreUnavailable
from holdfast.events import Event
from holdfast.server.access import Access
from holdfast.server.auth.parts import SignIn
from holdfast.server.auth.principal import OPEN, Principal
from holdfast.server.auth.watching import until_signed_out
from holdfast.server.closing import Ended, Ending
from holdfast.server.frames import Frames, pong
from holdfast.server.model import ServiceSession
from holdfast.server.sockets import converse, first_frame, until_one_ends
from holdfast.store import SessionStore

router = APIRouter(tags=["Events"])


@router.websocket("/v1/events")
async def watch(socket: WebSocket) -> None:
    """Tell of sessions as they are created, changed and destroyed."""
    state = socket.app.state

    async def admit(frames: Frames) -> Principal:
        return await _admit(frames, socket, state.access)

    async def serve(frames: Frames, caller: Principal) -> None:
        await _serve(frames, state.service.store, state.sign_in, caller)

    listed = state.service.settings.cors_origins
    await converse(socket, admit, serve, places=state.places, listed=listed)


async def _admit(frames: Frames, socket: WebSocket, access: Access) -> Principal:
    """Let those pass whom their first frame, or a page's cookie with it, shows to be staff."""
    if access.is_open:
        return OPEN
    frame = await first_frame(frames)
    caller = await access.of_socket(socket, _token(frame), _ticket(frame))
    if caller is None:
        reason = "the first frame must hold an access token, an API key, or a ticket"
        raise Ended(Ending.UNAUTHENTICATED, reason)
    if not caller.has_scope("events"):
        raise Ended(Ending.FORBIDDEN, "this needs the scope events")
    return caller


def _token(frame: Mapping[str, Any]) -> bytes | None:
    token = frame.get("token")
    return token.encode(errors="replace") if isinstance(token, str) else None


def _ticket(frame: Mapping[str, Any]) -> str | None:
    ticket = frame.get("ticket")
    return ticket if isinstance(ticket, str) else None


async def _serve(
    frames: Frames, store: SessionStore[ServiceSession], sign_in: SignIn, caller: Principal
) -> None:
    """Tell and listen until one of them ends, or the caller is signed out."""
    async with store.backend.events(store.terms.namespace) as events:
        await until_one_ends(
            _tell(frames, store, events), _hear(frames), until_signed_out(sign_in, caller)
        )


async def _tell(
    frames: Frames, store: SessionStore[ServiceSession], events: AsyncIterator[Event]
) -> None:
    await frames.write(await _snapshot(store))
    async for event in events:
        frame = await _snapshot(store) if event.kind == "lost" else _written(event)
        await frames.write(frame)
    raise Ended(Ending.RESTARTING, "the service is stopping")


async def _hear(frames: Frames) -> None:
    while True:
        frame = await frames.read()
        answer = pong(frame)
        if answer is not None:
            frames.note_good()
            await frames.write(answer)
        elif _token(frame) is None:
            # A token is taken, and needed by nobody, where access is open.
            await frames.refuse("only ping can be asked here")


async def _snapshot(store: SessionStore[ServiceSession]) -> dict[str, Any]:
    """Say how many sessions there are, as soon as the store says so."""
    while True:
        try:
            return {"event": "snapshot", "active_sessions": await store.count_active()}
        except StoreUnavailable as exc:
            await asyncio.sleep(exc.retry_after)


def _written(event: Event) -> dict[str, Any]:
    reason = {} if event.reason is None else {"reason": event.reason}
    return {"event": event.kind, "session_id": event.session_id, **reason}
