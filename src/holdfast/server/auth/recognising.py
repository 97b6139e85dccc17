"""Whether a device is still the one that was signed in on, and what is done where it is not.

Detection, no proof (OWASP Session Management, "Binding the Session ID to Other User Properties"):
a copied cookie or token is noticed where its thief does not take the trouble to look alike.

How strictly is a matter of the user's roles. They are those at sign-in: whoever changes them ends
the user's sign-ins, so what held for one login holds until it ends.
"""

from holdfast.errors import SessionNotFound
from holdfast.fastapi import Problem
from holdfast.fingerprint import Client, Fingerprints, Verdict
from holdfast.server.audit.trail import Trail
from holdfast.server.auth.login import Login
from holdfast.server.auth.logins import Logins
from holdfast.server.strictness import DEFAULT_STRICTNESS, Strictness


class ClientChanged(Problem):
    """A sign-in has ended because it came from another client."""

    def __init__(self) -> None:
        detail = "This sign-in was begun from another browser or network. Sign in again."
        headers = {"WWW-Authenticate": "Bearer"}
        super().__init__(401, "REAUTH_REQUIRED", "Sign in again", detail, headers=headers)


class Recognition:
    """Compares clients with those that logins were begun with."""

    def __init__(
        self,
        logins: Logins,
        trail: Trail,
        fingerprints: Fingerprints,
        *,
        strictness: Strictness = DEFAULT_STRICTNESS,
    ) -> None:
        self._logins = logins
        self._trail = trail
        self._fingerprints = fingerprints
        self._strictness = strictness

    def is_strict(self, login: Login) -> bool:
        """Say whether no request may come from another client, so that each is compared."""
        return self._strictness.of(login.roles) == "strict"

    def is_same_browser(self, login: Login, client: Client) -> bool:
        """Say whether browser and system are those of the login, wherever they are."""
        changed = self._compare(login, client).changed
        return not {"browser", "system"}.intersection(changed)

    async def recognise(self, login: Login, client: Client) -> Login | None:
        """Give the login as it goes on with this client; None when it has ended meanwhile.

        Where the client has changed a little, what is sensitive needs the password again.

        Raises:
            ClientChanged: the login has ended by this.
        """
        verdict = self._compare(login, client)
        if verdict.action in {"revoke", "reauth_required"}:
            await self._logins.end(login.session_id)
            await self._tell("fingerprint.mismatch", login, client, "revoked")
            raise ClientChanged
        try:
            login = await self._go_on(login, verdict)
        except SessionNotFound:
            return None
        if verdict.changed:
            await self._tell("fingerprint.changed", login, client, verdict.action)
        return login

    async def _go_on(self, login: Login, verdict: Verdict) -> Login:
        """Write down what a login is held to from now on.

        Raises:
            SessionNotFound: it has ended.
        """
        if verdict.action == "step_up":
            await self._logins.step_down(login.session_id)
            return login.model_copy(update={"authenticated_at": None})
        if verdict.renewed is None:
            return login
        await self._logins.store.update(login.session_id, fingerprint=verdict.renewed)
        return login.model_copy(update={"fingerprint": verdict.renewed})

    def _compare(self, login: Login, client: Client) -> Verdict:
        mode = self._strictness.of(login.roles)
        return self._fingerprints.compare(login.fingerprint, client, mode)

    async def _tell(self, event: str, login: Login, client: Client, outcome: str) -> None:
        await self._trail.record(
            event,
            outcome=outcome,
            actor=login.user_id,
            session_id=login.session_id,
            network=client.ip_address,
        )
