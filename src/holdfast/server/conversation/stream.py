"""The conversation as server-sent events, for clients without WebSockets."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, cast

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from holdfast.errors import SessionNotFound, StoreUnavailable
from holdfast.server import frames
from holdfast.server.closing import Ended
from holdfast.server.conversation.parts import Talk
from holdfast.server.conversation.views import View
from holdfast.server.conversation.wire import Frame, MessageTold, Welcome, written
from holdfast.server.model import ServiceSession
from holdfast.server.problems import invalid
from holdfast.session import MAX_INTEGER

logger = logging.getLogger(__name__)

# Proxies give up connections that say nothing.
COMMENT_SECONDS: Final = 15.0
RETRY_MILLISECONDS: Final = 2000
MOST_DIGITS: Final = len(str(MAX_INTEGER))


class EventStream(StreamingResponse):
    """Sends events one by one; who does not read them is let go, and comes back by itself.

    An event is sent whole or not at all, so whoever goes on from the last one misses nothing.
    """

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """Send until there is no more to tell, or nobody who reads it."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        async with aclosing(cast("AsyncGenerator[str]", self.body_iterator)) as events:
            async for event in events:
                if not await self._sent(send, event, within=frames.SEND_SECONDS):
                    logger.info("chat.slow_reader")
                    break
        await self._sent(send, "", within=frames.CLOSE_SECONDS)

    async def _sent(self, send: Send, text: str, *, within: float) -> bool:
        body = {"type": "http.response.body", "body": text.encode(), "more_body": bool(text)}
        try:
            async with asyncio.timeout(within):
                await send(body)
        except TimeoutError:
            return False
        return True


def last_event(request: Request, after: int) -> int:
    """Give the number of the last message that a client has.

    A number that no message can have is passed over.

    Raises:
        Problem: `Last-Event-ID` is no number.
    """
    text = request.headers.get("last-event-id")
    if not text:
        return after
    if not (text.isascii() and text.isdecimal()):
        raise invalid("Last-Event-ID", "must be the number of a message")
    # Python refuses to read very many digits.
    if len(text) > MOST_DIGITS or int(text) > MAX_INTEGER:
        return after
    return int(text)


async def as_events(
    talk: Talk, session: ServiceSession, *, after: int, secret_hash: str | None
) -> AsyncGenerator[str]:
    """Tell the conversation from a number on; a client that is cut off comes back by itself."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    try:
        with talk.places.one_more():
            async with talk.rooms.enter(session.session_id) as room:
                newest = await talk.service.store.read_log(session.session_id, limit=1)
                yield _event(talk.welcome(session, newest.last_item))
                view = View(
                    room,
                    number=min(after, newest.last_item),
                    replayed=newest.last_item,
                    secret_hash=secret_hash,
                )
                async with aclosing(view.frames(pause=COMMENT_SECONDS)) as told:
                    async for frame in told:
                        yield ": here\n\n" if frame is None else _event(frame)
    except (Ended, SessionNotFound, StoreUnavailable):
        return


def _event(frame: Frame | Welcome) -> str:
    """Write a frame; messages have their numbers as ids, to go on from."""
    place = f"id: {frame.number}\n" if isinstance(frame, MessageTold) else ""
    data = json.dumps(written(frame), ensure_ascii=False, separators=(",", ":"))
    return f"event: {frame.type}\n{place}data: {data}\n\n"
