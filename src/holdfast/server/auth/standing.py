"""Whether the user of a sign-in may still do what they could when it began.

Whoever takes something from a user changes them in the directory first, and ends their sign-ins
then. Where that could not be done, as the session store was out or the call was interrupted, those
that are left are found here: each is looked up once a minute while it is used, and when it is
refreshed, so it ends a minute after the store answers again, or as soon as it is used after that.

A user whom the directory does not know is another's: services on one store may have directories of
their own, and nobody is removed from one who has sign-ins left.
"""

from datetime import datetime, timedelta
from typing import Final

from holdfast.server.audit.trail import Trail
from holdfast.server.auth.login import Login
from holdfast.server.auth.logins import Directory, Logins

# For so long a sign-in that was looked up counts as looked up, in this process.
LOOKED_UP_SECONDS: Final = 60
# How many are remembered as looked up.
_MOST_KNOWN: Final = 10_000


class Standing:
    """Compares logins with the users that they are of, and ends those that have no ground left."""

    def __init__(self, logins: Logins, directory: Directory, trail: Trail) -> None:
        self._logins = logins
        self._directory = directory
        self._trail = trail
        self._known: dict[str, datetime] = {}

    async def holds(self, login: Login) -> bool:
        """Say whether a login goes on; it ends where its user is disabled or has other roles.

        Raises:
            DatabaseUnavailable: nobody can tell. It is never taken for a yes.
        """
        now, known = self._logins.now(), self._known.get(login.session_id)
        if known is not None and now - known < timedelta(seconds=LOOKED_UP_SECONDS):
            return True
        if not await self._is_grounded(login):
            self._known.pop(login.session_id, None)
            if await self._logins.end(login.session_id):
                await self._trail.record(
                    "session.revoked",
                    outcome="user changed",
                    actor=login.user_id,
                    session_id=login.session_id,
                )
            return False
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[login.session_id] = now
        return True

    async def _is_grounded(self, login: Login) -> bool:
        user = await self._directory.get(login.user_id or "")
        return user is None or (not user.disabled and user.roles == frozenset(login.roles))
