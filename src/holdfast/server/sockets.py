"""What all WebSockets of the service have in common."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from holdfast.errors import StoreUnavailable
from holdfast.server.closing import Ended, Ending
from holdfast.server.database import DatabaseUnavailable
from holdfast.server.frames import Frames
from holdfast.server.origins import site_of
from holdfast.server.visitors import network

G = TypeVar("G")

FIRST_FRAME_SECONDS: Final = 10.0


class Places:
    """How many sockets are open in this process; there is a limit.

    Of each network only so many may be `unknown`: they have not shown yet who they are.
    """

    def __init__(self, most: int, *, unknown: int) -> None:
        self._most = most
        self._most_unknown = unknown
        self._taken = 0
        self._unknown: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._taken

    @contextmanager
    def one_more(self) -> Generator[None]:
        """Count a socket for the block.

        Raises:
            Ended: there are too many.
        """
        if self._taken >= self._most:
            raise Ended(Ending.TOO_MANY, "too many sockets")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    @contextmanager
    def unknown(self, network: str) -> Generator[None]:
        """Count a socket for the block, in which it shows who it is.

        Raises:
            Ended: its network has too many of the kind.
        """
        if self._unknown[network] >= self._most_unknown:
            raise Ended(Ending.TOO_MANY, "too many sockets that say nothing")
        self._unknown[network] += 1
        try:
            yield
        finally:
            self._unknown[network] -= 1
            if not self._unknown[network]:
                del self._unknown[network]


async def converse(
    socket: WebSocket,
    admit: Callable[[Frames], Awaitable[G]],
    serve: Callable[[Frames, G], Awaitable[None]],
    *,
    places: Places,
    listed: Collection[str],
    subprotocol: str | None = None,
    named_by: Literal["event", "type"] = "event",
) -> None:
    """Accept a socket, unless a page of another site opens it; say why it ends.

    `admit` finds out who it is, or raises `Ended`; `serve` does the rest. It is counted from its
    first moment on. A client that offers `subprotocol` is told that it is spoken.
    """
    # What stands in an address is written down on its way: nothing is asked for there.
    if site_of(socket, listed) == "other" or socket.url.query:
        trail = socket.app.state.service.trail
        reason = "something in the address" if socket.url.query else "a page of another site"
        await trail.record(
            "origin.refused", outcome="refused", network=network(socket), reason=reason
        )
        await socket.close(Ending.FORBIDDEN)
        return
    offered = socket.scope.get("subprotocols", ())
    await socket.accept(subprotocol if subprotocol in offered else None)
    frames = Frames(socket, named_by=named_by)
    try:
        with places.one_more():
            with places.unknown(network(socket)):
                guest = await admit(frames)
            await serve(frames, guest)
    except Ended as end:
        await frames.close(end)
    except (StoreUnavailable, DatabaseUnavailable) as exc:
        out = "session store" if isinstance(exc, StoreUnavailable) else "application database"
        await frames.close(Ended(Ending.TRY_LATER, f"the {out} does not answer"))
    except WebSocketDisconnect:
        return


async def first_frame(frames: Frames) -> Mapping[str, Any]:
    """Wait for the frame that shows who the caller is.

    Raises:
        Ended: it did not come in time.
    """
    try:
        async with asyncio.timeout(FIRST_FRAME_SECONDS):
            return await frames.read()
    except TimeoutError as exc:
        raise Ended(Ending.IDLE, "the first frame did not come in time") from exc


async def until_one_ends(*sides: Coroutine[Any, Any, None]) -> None:
    """Let all sides of a conversation go on until one of them ends, as that one does."""
    tasks = [asyncio.create_task(side) for side in sides]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
