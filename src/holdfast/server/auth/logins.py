"""The signed-in devices of all users: begun, found, listed, ended."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, Self

from holdfast.clock import MICROSECONDS, SYSTEM_CLOCK, Clock
from holdfast.errors import InvalidSession
from holdfast.fingerprint import Client, Fingerprints, browser, network, system
from holdfast.keyring import Keyring
from holdfast.opening import open_beside
from holdfast.server.auth.login import Bearing, Login, is_login_id, new_login_id
from holdfast.server.auth.terms import DEFAULT_TERMS, SEEN_SECONDS, LoginTerms
from holdfast.server.strictness import DEFAULT_STRICTNESS, Strictness
from holdfast.server.users.user import User
from holdfast.session import Fingerprint, SessionFilter
from holdfast.store import MAX_PAGE, SessionStore

NAMESPACE: Final = "login"
# How many devices are remembered as seen just now.
_MOST_SEEN: Final = 10_000


class Directory(Protocol):
    """Knows the users as they are now."""

    async def get(self, user_id: str) -> User | None: ...


class Logins:
    """Sessions beside those of the service, one for each device that a user signed in on.

    What a user may do is what it was at sign-in: whoever changes it ends the user's logins.
    """

    def __init__(
        self,
        store: SessionStore[Login],
        *,
        terms: LoginTerms = DEFAULT_TERMS,
        fingerprints: Fingerprints | None = None,
        strictness: Strictness = DEFAULT_STRICTNESS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        for field, rule in terms.problems():
            raise InvalidSession(field, rule)
        self.store = store
        self.terms = terms
        self._fingerprints = fingerprints
        self._strictness = strictness
        self._clock = clock
        self._seen: dict[str, float] = {}

    @classmethod
    def beside(
        cls,
        store: SessionStore[Any],
        keys: Keyring,
        *,
        terms: LoginTerms = DEFAULT_TERMS,
        fingerprints: Fingerprints | None = None,
        strictness: Strictness = DEFAULT_STRICTNESS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """Keep them on the connection of a service's store, apart from its sessions."""
        logins = open_beside(
            store,
            f"{NAMESPACE}.{store.terms.namespace}",
            model=Login,
            keys=keys,
            ttl=terms.idle,
            max_age=terms.max_age,
            sliding=True,
        )
        return cls(
            logins, terms=terms, fingerprints=fingerprints, strictness=strictness, clock=clock
        )

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall() / MICROSECONDS, UTC)

    def ends(self, login: Login) -> datetime:
        """Say when a login ends whatever happens: nothing moves that moment."""
        return login.created_at + timedelta(seconds=self.terms.max_age)

    async def begin(
        self,
        user: User,
        directory: Directory,
        client: Client,
        *,
        bearing: Bearing = "tokens",
        secret_hash: str | None = None,
    ) -> Login | None:
        """Sign a user in on a device; None when the user has changed while that was done.

        Where there are too many devices of this user then, those signed in first are signed out.
        """
        login = await self.store.create(
            new_login_id(),
            user_id=user.user_id,
            name=user.name,
            roles=tuple(sorted(user.roles)),
            bearing=bearing,
            secret_hash=secret_hash,
            fingerprint=self._tags(user, client),
            device=_device(client),
            network=network(client.ip_address),
            authenticated_at=self.now(),
        )
        # Who disables a user does that first and ends the logins then: one of both sees the other.
        unchanged = False
        try:
            unchanged = _same(user, await directory.get(user.user_id))
        finally:
            # Also where nobody can tell: no device is left that nobody was let in on.
            if not unchanged:
                await self.end(login.session_id)
        if not unchanged:
            return None
        await self._make_room(user.user_id)
        return login

    async def get(self, login_id: str) -> Login | None:
        """Read a login that is alive; None when there is none."""
        if not is_login_id(login_id):
            return None
        login = await self.store.get(login_id, fresh=True)
        return login if login is not None and self.lives(login) else None

    def lives(self, login: Login) -> bool:
        """Say whether a login's time is not over; the store says the same, by its own clock."""
        return self.now() < self.ends(login)

    async def note_seen(self, login: Login) -> None:
        """Count a request as activity; it is written down once a minute."""
        now = self.now()
        if now - login.last_activity < timedelta(seconds=SEEN_SECONDS):
            return
        moment = now.timestamp()
        if moment - self._seen.get(login.session_id, 0.0) < SEEN_SECONDS:
            return
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[login.session_id] = moment
        await self.store.touch(login.session_id)

    async def step_down(self, login_id: str) -> None:
        """Let what is sensitive wait until the user has given the password again."""
        await self.store.update(login_id, authenticated_at=None)

    async def of_user(self, user_id: str) -> list[Login]:
        """List a user's devices, the one signed in first at the front."""
        return [login async for login in self._pages(user_id) if self.lives(login)]

    async def end(self, login_id: str) -> bool:
        """Sign a device out; its tokens, its cookie and its sockets end with it."""
        self._seen.pop(login_id, None)
        return is_login_id(login_id) and await self.store.delete(login_id)

    async def end_all(self, user_id: str, *, except_: str | None = None) -> int:
        """Sign a user out on all devices (but one), and say on how many.

        A user who is to be kept out has to be changed in the directory before this is called.
        """
        ended = 0
        async for login in self._pages(user_id):
            if login.session_id != except_:
                ended += await self.end(login.session_id)
        return ended

    async def _make_room(self, user_id: str) -> None:
        """End the devices signed in first, so that no more are left than may be.

        Each of several who sign in at once lists after it has begun: the last of them sees all.
        """
        devices = await self.of_user(user_id)
        for login in devices[: -self.terms.most]:
            await self.end(login.session_id)

    async def _pages(self, user_id: str) -> AsyncIterator[Login]:
        cursor: str | None = None
        while True:
            page = await self.store.list_active(
                filter=SessionFilter(user_id=user_id), limit=MAX_PAGE, cursor=cursor
            )
            for login in page.sessions:
                yield login
            cursor = page.next_cursor
            if cursor is None:
                return

    def _tags(self, user: User, client: Client) -> Fingerprint | None:
        if self._fingerprints is None or self._strictness.of(user.roles) == "off":
            return None
        return self._fingerprints.of(ip_address=client.ip_address, user_agent=client.user_agent)


def _same(before: User, now: User | None) -> bool:
    """Say whether nothing has changed about a user that a login rests on."""
    return now is not None and not now.disabled and now == before


def _device(client: Client) -> str | None:
    """Name browser and operating system, both without versions."""
    names = (browser(client.user_agent), system(client.user_agent))
    return " ".join(name for name in names if name) or None
