"""What happens to sessions, told over a WebSocket to whoever may use them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import APIRouter, WebSocket

from holdfast.errors import StoreUnavailable
from holdfast.events import Event
from holdfast.server.access import ApiKeys
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

    async def admit(frames: Frames) -> None:
        await _admit(frames, state.api_keys)

    async def serve(frames: Frames, _: None) -> None:
        await _serve(frames, state.service.store)

    listed = state.service.settings.cors_origins
    await converse(socket, admit, serve, places=state.places, listed=listed)


async def _admit(frames: Frames, keys: ApiKeys) -> None:
    """Let holders of a key pass, who show it in their first frame."""
    if not keys.open_access and not keys.has(_token(await first_frame(frames))):
        raise Ended(Ending.UNAUTHENTICATED, "the first frame must hold the token of an API key")


def _token(frame: Mapping[str, Any]) -> bytes | None:
    token = frame.get("token")
    return token.encode(errors="replace") if isinstance(token, str) else None


async def _serve(frames: Frames, store: SessionStore[ServiceSession]) -> None:
    """Tell and listen until one of them ends."""
    async with store.backend.events(store.terms.namespace) as events:
        await until_one_ends(_tell(frames, store, events), _hear(frames))


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
