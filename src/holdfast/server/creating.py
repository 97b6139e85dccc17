"""Creating sessions, once for each idempotency key."""

import hashlib
import json

from holdfast.errors import SessionExists
from holdfast.server.model import ServiceSession
from holdfast.server.problems import invalid
from holdfast.server.requests import NewSession
from holdfast.store import SessionStore


async def create_session(
    store: SessionStore[ServiceSession], wanted: NewSession, *, key: str | None
) -> ServiceSession:
    """Create a session; under the same key again, give the one that was created.

    Raises:
        SessionExists: the id is taken, and not by this key.
        Problem: the key was used for a session with other content.
    """
    if key is None:
        return await store.create(
            wanted.session_id, user_id=wanted.user_id, ttl=wanted.ttl_seconds, **wanted.state()
        )
    session_id = wanted.session_id or key.removeprefix("http:")
    mark = f"{key}:{_digest(wanted)}"
    session = await store.get_or_create(
        session_id,
        factory=lambda: {**wanted.state(), "user_id": wanted.user_id, "created_by": mark},
        ttl=wanted.ttl_seconds,
    )
    if session.created_by == mark:
        return session
    if (session.created_by or "").startswith(key):
        raise invalid("Idempotency-Key", "was used before for a session with other content")
    raise SessionExists(session_id)


def _digest(wanted: NewSession) -> str:
    content = wanted.model_dump(mode="json", exclude_unset=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
