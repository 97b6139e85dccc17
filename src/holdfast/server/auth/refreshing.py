"""Refreshing: a token is exchanged for its successor, once, however often and wherever it comes.

A login counts its generations. The token of the present one moves the count on by one, in a single
atomic step, so whatever was read before it may be old. The one just before it comes again when an
answer was lost, or when two tabs ask at once: within the grace it is given the same successor. Any
older one, or that one later, is a copy in other hands: the login ends (RFC 9700, 4.14.2), durably,
before the answer is given.
"""

from datetime import timedelta
from typing import Final, Literal, NamedTuple

from holdfast.change import Change
from holdfast.errors import LimitReached, SessionNotFound
from holdfast.fingerprint import Client
from holdfast.server.audit.trail import Trail
from holdfast.server.auth.login import Login
from holdfast.server.auth.logins import Logins
from holdfast.server.auth.recognising import Recognition
from holdfast.server.auth.refresh_tokens import RefreshToken, RefreshTokens, is_well_formed
from holdfast.server.auth.standing import Standing

# As often as this an older token may come again when the rotation is longer ago than that.
MOST_LATE_HITS: Final = 10
ACCIDENT_SECONDS: Final = 2

How = Literal["rotated", "repeated"]


class Refreshed(NamedTuple):
    """A login that goes on, and the refresh token for the next time."""

    login: Login
    token: str
    how: How


class Refreshing:
    """Exchanges the refresh tokens of all logins."""

    def __init__(
        self,
        logins: Logins,
        tokens: RefreshTokens,
        trail: Trail,
        recognition: Recognition,
        standing: Standing,
    ) -> None:
        self._logins = logins
        self._tokens = tokens
        self._trail = trail
        self._recognition = recognition
        self._standing = standing

    async def refresh(self, text: str, client: Client) -> Refreshed | None:
        """Exchange a token; None when it is none, or its login has ended, or ends by this.

        Raises:
            ClientChanged: it comes from another client, and its login has ended by this.
            StoreUnavailable: nobody can tell; the same token may be sent again.
            DatabaseUnavailable: nobody can tell; the token is as good as it was.
        """
        token = self._tokens.read(text)
        if token is None:
            if is_well_formed(text):
                await self._trail.record(
                    "refresh.refused", outcome="forged", network=client.ip_address
                )
            return None
        login = await self._logins.get(token.login_id)
        # Before anything moves: where nobody can tell, the token is as good as it was.
        if login is None or not await self._standing.holds(login):
            await self._refuse(token, client, "ended")
            return None
        moved = self._moved(token)
        try:
            applied = await self._logins.store.apply(token.login_id, moved)
        except SessionNotFound:
            await self._refuse(token, client, "ended")
            return None
        except LimitReached:
            return await self._again(token, client)
        if applied.counters["generation"] != token.generation + 1:
            # The store lost what it had acknowledged: nobody can say which token is the newest.
            await self._end(login, client, "session.revoked", "store went back")
            return None
        return await self._rotated(login.model_copy(update=dict(moved.set)), token, client)

    def _moved(self, token: RefreshToken) -> Change:
        """Count to the next generation, if the token is of the present one."""
        return Change(
            add={"generation": 1},
            at_most={"generation": token.generation + 1},
            set={
                "refreshed_at": self._logins.now(),
                "refresh_key": self._tokens.key_id,
                "late_hits": 0,
            },
        )

    async def _rotated(self, login: Login, token: RefreshToken, client: Client) -> Refreshed | None:
        if await self._recognition.recognise(login, client) is None:
            return None
        await self._tell("refresh.rotated", login, client)
        successor = self._tokens.issue(
            login.session_id, token.generation + 1, key_id=login.refresh_key
        )
        return Refreshed(login, successor, "rotated")

    async def _again(self, token: RefreshToken, client: Client) -> Refreshed | None:
        """Answer a token that has been exchanged before."""
        login = await self._logins.get(token.login_id)
        if login is None:
            await self._refuse(token, client, "ended")
            return None
        behind = login.generation - token.generation
        if behind < 1:
            await self._refuse(token, client, "store went back")
            return None
        if behind > 1 or not await self._is_accident(login, client):
            await self._end(login, client, "refresh.reused", "revoked")
            return None
        if await self._recognition.recognise(login, client) is None:
            return None
        await self._tell("refresh.grace_hit", login, client)
        successor = self._tokens.issue(login.session_id, login.generation, key_id=login.refresh_key)
        return Refreshed(login, successor, "repeated")

    async def _is_accident(self, login: Login, client: Client) -> bool:
        """Say whether the token before the present one comes again as it may: soon, from there."""
        rotated = login.refreshed_at
        if rotated is None or not self._recognition.is_same_browser(login, client):
            return False
        # Another worker's clock may be ahead of this one's: that is no more time to come again.
        ago = abs(self._logins.now() - rotated)
        if ago > timedelta(seconds=self._logins.terms.grace):
            return False
        if ago <= timedelta(seconds=ACCIDENT_SECONDS):
            return True
        late = Change(add={"late_hits": 1}, at_most={"late_hits": MOST_LATE_HITS})
        try:
            await self._logins.store.apply(login.session_id, late)
        except (LimitReached, SessionNotFound):
            return False
        return True

    async def _end(self, login: Login, client: Client, event: str, outcome: str) -> None:
        await self._logins.end(login.session_id)
        await self._tell(event, login, client, outcome)

    async def _tell(self, event: str, login: Login, client: Client, outcome: str = "ok") -> None:
        await self._trail.record(
            event,
            outcome=outcome,
            actor=login.user_id,
            session_id=login.session_id,
            network=client.ip_address,
        )

    async def _refuse(self, token: RefreshToken, client: Client, outcome: str) -> None:
        await self._trail.record(
            "refresh.refused",
            outcome=outcome,
            session_id=token.login_id,
            network=client.ip_address,
        )
