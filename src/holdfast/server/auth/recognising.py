"""Whether a device is still the one that was signed in on, and what is done where it is not.

Detection, no proof (OWASP Session Management, "Binding the Session ID to Other User Properties"):
a copied cookie or token is noticed where its thief does not take the trouble to look alike.
"""

from holdfast.errors import SessionNotFound
from holdfast.fingerprint import Client, Fingerprints, Mode
from holdfast.server.audit.trail import Trail
from holdfast.server.auth.login import Login
from holdfast.server.auth.logins import Logins


class Recognition:
    """Compares clients with those that logins were begun with."""

    def __init__(
        self, logins: Logins, trail: Trail, fingerprints: Fingerprints, *, mode: Mode = "soft"
    ) -> None:
        self._logins = logins
        self._trail = trail
        self._fingerprints = fingerprints
        self._mode: Mode = mode

    def is_same_browser(self, login: Login, client: Client) -> bool:
        """Say whether browser and system are those of the login, wherever they are."""
        changed = self._fingerprints.compare(login.fingerprint, client, self._mode).changed
        return not {"browser", "system"}.intersection(changed)

    async def recognise(self, login: Login, client: Client) -> Login | None:
        """Give the login if it goes on with this client; None when it has ended by this.

        Where the client has changed a little, what is sensitive needs the password again.
        """
        verdict = self._fingerprints.compare(login.fingerprint, client, self._mode)
        if not verdict.changed or verdict.action == "kept":
            if verdict.changed:
                await self._tell("fingerprint.changed", login, client, "kept")
            return login
        if verdict.action == "step_up":
            try:
                await self._logins.step_down(login.session_id)
            except SessionNotFound:
                return None
            await self._tell("fingerprint.changed", login, client, "step_up")
            return login.model_copy(update={"authenticated_at": None})
        await self._logins.end(login.session_id)
        await self._tell("fingerprint.mismatch", login, client, "revoked")
        return None

    async def _tell(self, event: str, login: Login, client: Client, outcome: str) -> None:
        await self._trail.record(
            event,
            outcome=outcome,
            actor=login.user_id,
            session_id=login.session_id,
            network=client.ip_address,
        )
