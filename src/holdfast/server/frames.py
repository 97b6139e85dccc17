"""Frames of a WebSocket: JSON in text, read one by one, written without waiting for ever."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from starlette.websockets import WebSocket, WebSocketDisconnect

from holdfast.server.closing import Ended, Ending

# In bytes; nothing that callers have to say is longer.
LARGEST_FRAME: Final = 1 << 16
SEND_SECONDS: Final = 10.0
# How long a caller who does not read may take to learn that it was given up.
CLOSE_SECONDS: Final = 60.0
BAD_FRAMES: Final = 3
# In bytes; a close frame has no room for more.
LONGEST_REASON: Final = 123


class Frames:
    """The frames of one socket that was accepted; `named_by` is the field that names a frame."""

    def __init__(self, socket: WebSocket, *, named_by: Literal["event", "type"] = "event") -> None:
        self._socket = socket
        self._named_by = named_by
        self._bad = 0

    async def read(self) -> Mapping[str, Any]:
        """Give the next frame; one that is no JSON object is an empty one.

        Raises:
            WebSocketDisconnect: the caller is gone.
        """
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005), message.get("reason"))
        return _parsed(message.get("text") or "")

    async def write(self, frame: Mapping[str, Any]) -> None:
        """Send a frame.

        Raises:
            Ended: the caller does not read what it was sent before.
            WebSocketDisconnect: the caller is gone.
        """
        text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
        if not text.isascii():
            # A lone surrogate is no character, and nothing that UTF-8 could carry.
            text = text.encode(errors="replace").decode()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError as exc:
            raise Ended(Ending.TRY_LATER, "too slow a reader") from exc
        except RuntimeError as exc:
            # Another task found that out before.
            raise WebSocketDisconnect(1006) from exc

    def note_good(self) -> None:
        """Take note of a frame that can be used: bad ones are counted anew."""
        self._bad = 0

    async def refuse(self, detail: str) -> None:
        """Say that a frame cannot be used.

        Raises:
            Ended: it was the third in a row.
        """
        self._bad += 1
        if self._bad >= BAD_FRAMES:
            raise Ended(Ending.BAD_FRAMES, "too many frames that cannot be used")
        error = {self._named_by: "error", "code": "INVALID_REQUEST", "detail": detail}
        await self.write({**error, "retryable": False} if self._named_by == "type" else error)

    async def close(self, end: Ended) -> None:
        """Close the socket, and say why, as far as there is room."""
        reason = end.reason.encode(errors="replace")[:LONGEST_REASON].decode(errors="ignore")
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(end.code, reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # Whoever is gone need not be told; Starlette says so in one way or the other.
            return


def pong(frame: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Answer a ping in the words in which it was asked; None when it is none."""
    return next(({name: "pong"} for name in ("event", "type") if frame.get(name) == "ping"), None)


def _parsed(text: str) -> dict[str, Any]:
    if text.strip() in {"ping", '"ping"'}:
        return {"event": "ping"}
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", frame) if isinstance(frame, dict) else {}
