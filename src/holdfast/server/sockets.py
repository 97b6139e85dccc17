"""What all WebSockets of the service have in common."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

from starlette.websockets import WebSocket, WebSocketDisconnect

from holdfast.errors import StoreUnavailable
from holdfast.server.closing import Ended, Ending
from holdfast.server.frames import Frames
from holdfast.server.origins import site_of

FIRST_FRAME_SECONDS: Final = 10.0


class Places:
    """How many sockets are open in this process; there is a limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

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


async def converse(
    socket: WebSocket,
    serve: Callable[[Frames], Awaitable[None]],
    *,
    listed: Collection[str],
    subprotocol: str | None = None,
    named_by: Literal["event", "type"] = "event",
) -> None:
    """Accept a socket, unless a page of another site opens it; say why it ends.

    A client that offers `subprotocol` is told that it is spoken.
    """
    if site_of(socket, listed) == "other":
        await socket.close(Ending.FORBIDDEN)
        return
    offered = socket.scope.get("subprotocols", ())
    await socket.accept(subprotocol if subprotocol in offered else None)
    frames = Frames(socket, named_by=named_by)
    try:
        await serve(frames)
    except Ended as end:
        await frames.close(end)
    except StoreUnavailable:
        await frames.close(Ended(Ending.TRY_LATER, "the session store does not answer"))
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
