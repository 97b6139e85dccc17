"""What happens to sessions, told over a WebSocket to whoever may use them."""

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from holdfast.errors import StoreUnavailable
from holdfast.events import Event
from holdfast.server.access import ApiKeys
from holdfast.server.closing import Ended, Ending
from holdfast.server.frames import Frames, pong
from holdfast.server.model import ServiceSession
from holdfast.server.origins import site_of
from holdfast.store import SessionStore

router = APIRouter(tags=["Events"])

FIRST_FRAME_SECONDS: Final = 10.0
MOST_WATCHERS: Final = 1000


class Watchers:
    """How many watch in this process; there is a limit."""

    def __init__(self) -> None:
        self._watching = 0

    def __len__(self) -> int:
        return self._watching

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Count a watcher for the block.

        Raises:
            Ended: there are too many.
        """
        if self._watching >= MOST_WATCHERS:
            raise Ended(Ending.TOO_MANY, "too many watchers")
        self._watching += 1
        try:
            yield
        finally:
            self._watching -= 1


@router.websocket("/v1/events")
async def watch(socket: WebSocket) -> None:
    """Tell of sessions as they are created, changed and destroyed."""
    state = socket.app.state
    if site_of(socket, state.service.settings.cors_origins) == "other":
        await socket.close(Ending.FORBIDDEN)
        return
    await socket.accept()
    frames = Frames(socket)
    try:
        await _admit(frames, state.api_keys)
        with state.watchers.one_more():
            await _serve(frames, state.service.store)
    except Ended as end:
        await frames.close(end)
    except StoreUnavailable:
        await frames.close(Ended(Ending.TRY_LATER, "the session store does not answer"))
    except WebSocketDisconnect:
        return


async def _admit(frames: Frames, keys: ApiKeys) -> None:
    """Let holders of a key pass, who show it in their first frame."""
    if keys.open_access:
        return
    try:
        async with asyncio.timeout(FIRST_FRAME_SECONDS):
            first = await frames.read()
    except TimeoutError as exc:
        raise Ended(Ending.UNAUTHENTICATED, "the first frame did not come in time") from exc
    if not keys.has(_token(first)):
        raise Ended(Ending.UNAUTHENTICATED, "the first frame must hold the token of an API key")


def _token(frame: Mapping[str, Any]) -> bytes | None:
    token = frame.get("token")
    return token.encode(errors="replace") if isinstance(token, str) else None


async def _serve(frames: Frames, store: SessionStore[ServiceSession]) -> None:
    """Tell and listen until one of them ends."""
    async with store.backend.events(store.terms.namespace) as events:
        sides = [
            asyncio.create_task(_tell(frames, store, events)),
            asyncio.create_task(_hear(frames)),
        ]
        try:
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in sides:
                side.cancel()
            await asyncio.gather(*sides, return_exceptions=True)
        for side in done:
            side.result()


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
