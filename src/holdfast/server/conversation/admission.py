"""Who was let into a conversation, and whether they still may be there.

Nobody is trusted for having been let in once: the session is read anew before whatever is done in
it, and once in a while in any case (OWASP WebSocket Security Cheat Sheet, "Authorization").
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from holdfast.errors import SessionNotFound, StoreUnavailable
from holdfast.server.closing import Ended, Ending
from holdfast.server.model import ServiceSession
from holdfast.store import SessionStore

# How long somebody who says nothing may go unchecked.
CHECK_SECONDS: Final = 30.0

ENDED: Final = "the conversation has ended"


async def always() -> bool:
    """Trust somebody for as long as the service runs."""
    return True


def may_read(session: ServiceSession, secret_hash: str | None) -> bool:
    """Say whether a session is still open to who opened it; None for those who need no secret.

    A secret is exchanged while it is in use, so what counts is that there is one.
    """
    return secret_hash is None or session.secret_hash is not None


@dataclass(frozen=True, slots=True)
class Admission:
    """One who was let in: a visitor by the secret with this hash, or staff, while they are it."""

    store: SessionStore[ServiceSession]
    session_id: str
    secret_hash: str | None
    still_trusted: Callable[[], Awaitable[bool]] = always

    async def check(self) -> ServiceSession:
        """Read the session, and see whether it is still open to them.

        Raises:
            Ended: it is not.
            SessionNotFound: there is no such session any more.
        """
        session = await self.store.get(self.session_id, fresh=True)
        if session is None:
            raise SessionNotFound(self.session_id)
        if not may_read(session, self.secret_hash):
            raise Ended(Ending.SESSION_ENDED, ENDED)
        if self.secret_hash is None and not await self.still_trusted():
            raise Ended(Ending.SESSION_ENDED, "you are signed out")
        return session

    async def watch(self) -> None:
        """Check again and again, until it fails; see `check`."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except StoreUnavailable:
                # Nothing can be read in the session meanwhile.
                continue
