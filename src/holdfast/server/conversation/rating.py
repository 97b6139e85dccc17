"""What visitors think of answers, kept in the session."""

from datetime import UTC, datetime
from typing import Final

from holdfast.change import Change
from holdfast.server.conversation.transcript import read_all
from holdfast.server.conversation.wire import Feedback
from holdfast.server.model import Rated, ServiceSession
from holdfast.server.problems import invalid
from holdfast.store import SessionStore
from holdfast.support import MessagePage, SupportAgent

# Of so many answers the ratings are kept; the oldest make room.
KEPT: Final = 200


def rated(page: MessagePage, session: ServiceSession | None) -> MessagePage:
    """Put the visitor's ratings to the messages that they are about."""
    given = {rated.message_id: rated.value for rated in session.feedback} if session else {}
    messages = (
        message.model_copy(update={"rating": given.get(message.id)}) for message in page.messages
    )
    return page.model_copy(update={"messages": tuple(messages)})


async def rate(
    store: SessionStore[ServiceSession], agent: SupportAgent, session_id: str, given: Feedback
) -> None:
    """Keep what the visitor thinks of an answer, in the place of what they thought before.

    Raises:
        Problem: it is no answer of this conversation.
        SessionNotFound: there is no such session.
    """
    messages = await read_all(agent, session_id)
    answers = {message.id for message in messages if message.role in {"assistant", "staff"}}
    if given.message_id not in answers:
        raise invalid("message_id", "names no answer of this conversation")
    rated = Rated(
        message_id=given.message_id,
        value=given.value,
        reason=given.reason,
        at=datetime.now(UTC),
    )

    def kept(session: ServiceSession) -> Change:
        others = [old for old in session.feedback if old.message_id != given.message_id]
        return Change(set={"feedback": (*others, rated)[-KEPT:]})

    await store.transact(session_id, kept)
