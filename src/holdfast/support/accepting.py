"""Storing a message before its turn has come."""

from functools import partial
from typing import NamedTuple

from holdfast.errors import InvalidSession, SessionNotFound
from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support.checking import check_room, check_user
from holdfast.support.recollection import recall
from holdfast.support.writing import Writer, apply_once


class Accepted(NamedTuple):
    """A stored message. `duplicate` says that it was stored before, `answered` that all is done."""

    message_id: str
    number: int
    duplicate: bool
    answered: bool


async def accept(store: SessionStore[SupportSession], session_id: str, writer: Writer) -> Accepted:
    """Store and count a message in one change, which needs no lease; see `SupportAgent.accept`."""
    for _ in range(2):
        session = await store.get(session_id, fresh=True)
        if session is None:
            raise SessionNotFound(session_id)
        check_user(session, writer.incoming.user_id)
        known = await recall(store, session_id, writer.incoming)
        if known.asked is not None:
            number, message = known.asked.placed
            answered = known.answer is not None
            return Accepted(message.id, number, duplicate=True, answered=answered)
        check_room(session, writer.max_messages)
        said = writer.question()
        applied = await apply_once(partial(store.apply, session_id), writer.storing(said))
        if applied is not None:
            return Accepted(said.id, applied.last_item, duplicate=False, answered=False)
        # Somebody stored the same message in between: it is found now.
    raise InvalidSession("client_message_id", "was used before for something else")
