"""The conversation as server-sent events, for clients without WebSockets."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi import Request

from holdfast.errors import SessionNotFound, StoreUnavailable
from holdfast.server.closing import Ended
from holdfast.server.conversation.parts import Talk
from holdfast.server.conversation.views import View
from holdfast.server.conversation.wire import Frame, MessageTold, Welcome, written
from holdfast.server.model import ServiceSession
from holdfast.server.problems import invalid
from holdfast.session import MAX_INTEGER

# Proxies give up connections that say nothing.
COMMENT_SECONDS: Final = 15.0
RETRY_MILLISECONDS: Final = 2000
MOST_DIGITS: Final = len(str(MAX_INTEGER))


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
