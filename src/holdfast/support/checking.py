"""Whether a session may take a message."""

from holdfast.errors import InvalidSession, LimitReached
from holdfast.session import SupportSession
from holdfast.support.writing import COUNTER


def check_room(session: SupportSession, limit: int) -> None:
    """Refuse before anything is made ready; the change checks it again.

    Raises:
        LimitReached: the session holds as many messages as it may.
    """
    count = session.message_count
    if count >= limit:
        raise LimitReached(session.session_id, counter=COUNTER, value=count, limit=limit)


def check_user(session: SupportSession, user_id: str | None) -> None:
    """Refuse whoever the session does not belong to; None has been checked by the caller.

    Raises:
        InvalidSession: it is another user's.
    """
    if session.user_id is not None and user_id not in {None, session.user_id}:
        raise InvalidSession("user_id", "is not the one this session belongs to")
