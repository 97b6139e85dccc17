"""Sign-in without the web: its parts over one store, with a clock that tests put ahead."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from holdfast import Keyring, open_store
from holdfast.clock import MICROSECONDS, Clock
from holdfast.fingerprint import Client, Fingerprints
from holdfast.rotation import Rotation
from holdfast.server.audit.trail import Trail
from holdfast.server.auth.access_tokens import AccessTokens
from holdfast.server.auth.login import Login
from holdfast.server.auth.logins import Logins
from holdfast.server.auth.recognising import Recognition
from holdfast.server.auth.refresh_tokens import RefreshTokens
from holdfast.server.auth.refreshing import Refreshed, Refreshing
from holdfast.server.auth.standing import Standing
from holdfast.server.auth.terms import DEFAULT_TERMS, LoginTerms
from holdfast.server.model import ServiceSession
from holdfast.server.strictness import DEFAULT_STRICTNESS, Strictness
from holdfast.server.users import User

NAMESPACE: Final = "default"
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
ANNA: Final = User("user-of-anna", "anna", frozenset({"staff"}), False, LONG_AGO, LONG_AGO)
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME: Final = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
HOME: Final = Client("203.0.113.7", FIREFOX)
AWAY: Final = Client("198.51.100.7", FIREFOX)


class Ahead:
    """A clock that stands still unless a test puts it forward; it begins at the time of now."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = time.time()
        self.clock = Clock(
            wall=lambda: round((self._began + self.seconds) * MICROSECONDS),
            boot=lambda: time.monotonic_ns() // 1000,
        )

    def reach(self, moment: datetime) -> None:
        """Put it to a moment."""
        self.seconds = moment.timestamp() - self._began


class Tally(Trail):
    """A trail that also lists the events that it was given."""

    def __init__(self, keys: Keyring) -> None:
        super().__init__(keys)
        self.events: list[str] = []

    async def record(self, event: str, **facts: Any) -> None:
        self.events.append(event)
        await super().record(event, **facts)


class People:
    """A directory of users that tests change."""

    def __init__(self, *users: User) -> None:
        self.users = {user.user_id: user for user in users}

    async def get(self, user_id: str) -> User | None:
        return self.users.get(user_id)


@dataclass
class Desk:
    """The parts."""

    logins: Logins
    refresh_tokens: RefreshTokens
    refreshing: Refreshing
    access_tokens: AccessTokens
    rotation: Rotation[Login]
    trail: Tally
    ahead: Ahead
    people: People

    async def begin(self, client: Client = HOME, **options: Any) -> Login:
        """Sign Anna in on one more device."""
        login = await self.logins.begin(ANNA, self.people, client, **options)
        assert login is not None
        return login

    async def token(self, client: Client = HOME) -> str:
        """Sign Anna in, and give the first refresh token."""
        return self.refresh_tokens.issue((await self.begin(client)).session_id, 0)

    async def refresh(self, token: str, client: Client = HOME) -> Refreshed:
        """Exchange a token that is good."""
        refreshed = await self.refreshing.refresh(token, client)
        assert refreshed is not None
        return refreshed

    async def login_of(self, token: str) -> Login | None:
        """Read the login that a refresh token stands for."""
        read = self.refresh_tokens.read(token)
        assert read is not None
        return await self.logins.store.get(read.login_id)


@asynccontextmanager
async def desk(
    url: str,
    keys: Keyring,
    *,
    terms: LoginTerms = DEFAULT_TERMS,
    ahead: Ahead | None = None,
    strictness: Strictness = DEFAULT_STRICTNESS,
) -> AsyncGenerator[Desk]:
    """Open the parts over the store at a URL."""
    ahead = ahead or Ahead()
    async with open_store(url, model=ServiceSession, keys=keys) as store:
        fingerprints, trail, people = Fingerprints(keys), Tally(keys), People(ANNA)
        tokens = RefreshTokens(keys, namespace=NAMESPACE)
        logins = Logins.beside(
            store,
            keys,
            terms=terms,
            fingerprints=fingerprints,
            strictness=strictness,
            clock=ahead.clock,
        )
        recognition = Recognition(logins, trail, fingerprints, strictness=strictness)
        yield Desk(
            logins,
            tokens,
            Refreshing(logins, tokens, trail, recognition, Standing(logins, people, trail)),
            AccessTokens(keys, namespace=NAMESPACE, clock=ahead.clock),
            Rotation(logins.store, keys, clock=ahead.clock),
            trail,
            ahead,
            people,
        )
