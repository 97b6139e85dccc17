"""Secrets that open sessions, and that are exchanged while they are in use.

Whoever holds the secret of a session gets a new one every now and then, so that a copy of the old
one is worth something for a while only (OWASP Session Management, "Renewal timeout"). Of a secret
nothing but its SHA-256 is kept. The new one is derived from the old one and a key: of any number of
requests that exchange it at the same time, in whichever process, all get the same.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from pydantic import Field

from holdfast.change import Change
from holdfast.clock import MICROSECONDS, SYSTEM_CLOCK, Clock
from holdfast.errors import InvalidSession, LimitReached, SessionNotFound
from holdfast.keyring import Keyring, RootKey
from holdfast.session import Counter, Session, UtcTime
from holdfast.store import SessionStore

SECRET_BYTES: Final = 32
_NOBODY: Final = "0" * 64


class Rotating(Session):
    """A session that a secret opens; it begins with `secret_hash=secret_hash(secret)`."""

    secret_hash: str | None = Field(default=None, exclude=True, repr=False)
    earlier_hash: str | None = Field(default=None, exclude=True, repr=False)
    rotations: Counter = Field(default=0, exclude=True, repr=False)
    rotated_at: UtcTime | None = Field(default=None, exclude=True, repr=False)


R = TypeVar("R", bound=Rotating)


class Opened(NamedTuple, Generic[R]):
    """A session that a secret has opened.

    `renewed` is the secret that opens it from now on, where that is not the one that came;
    `rotated` says that this very call has exchanged it.
    """

    session: R
    renewed: str | None = None
    rotated: bool = False


def new_secret() -> str:
    """Make a secret of 256 random bits."""
    return secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str | bytes) -> str:
    """Give what is kept of a secret. It is random, so a plain hash keeps it."""
    return hashlib.sha256(_bytes(secret)).hexdigest()


class Rotation(Generic[R]):
    """Opens the sessions of a store by their secrets, and exchanges these in time.

    `every` and `overlap` are in seconds: a secret is exchanged by the first call after it has
    become that old, and for `overlap` after that the old one still opens.
    """

    def __init__(
        self,
        store: SessionStore[R],
        keys: Keyring,
        *,
        every: float = 900,
        overlap: float = 10,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not 0 < overlap <= every:
            raise InvalidSession("overlap", "must be more than 0 and at most `every`")
        self._store = store
        self._keys = keys
        self._every = timedelta(seconds=every)
        self._overlap = timedelta(seconds=overlap)
        self._clock = clock

    async def open(
        self, session_id: str, secret: str | bytes, *, rotate: bool = True
    ) -> Opened[R] | None:
        """Open a session; None when there is none, or another secret opens it.

        Without `rotate` the secret is never exchanged: for callers who could not be told.
        """
        session = await self._store.get(session_id, fresh=True)
        if not self.opens(session, secret) or session is None:
            return None
        if not rotate:
            return Opened(session)
        if not self._is_current(session, secret):
            return Opened(session, self._successor_in(session, secret))
        if self._now() < (session.rotated_at or session.created_at) + self._every:
            return Opened(session)
        return await self._exchange(session, secret)

    def opens(self, session: Rotating | None, secret: str | bytes) -> bool:
        """Say whether a secret opens a session; it takes the same time whatever is wrong.

        Nothing opens one whose `secret_hash` was taken away.
        """
        given = secret_hash(secret)
        current = _same(session.secret_hash if session else None, given)
        earlier = _same(session.earlier_hash if session else None, given)
        if session is None or session.secret_hash is None or session.rotated_at is None:
            return current
        return current or (earlier and self._now() <= session.rotated_at + self._overlap)

    async def _exchange(self, session: R, secret: str | bytes) -> Opened[R] | None:
        """Exchange the secret that has opened a session; None when it does so no more."""
        successor = _successor(self._keys.primary, self._place(session), secret)
        change = Change(
            # Counting from what was read to one more is what only one caller can do.
            add={"rotations": 1},
            at_most={"rotations": session.rotations + 1},
            set={
                "secret_hash": secret_hash(successor),
                "earlier_hash": secret_hash(secret),
                "rotated_at": self._now(),
            },
        )
        try:
            await self._store.apply(session.session_id, change)
        except LimitReached:
            return await self._exchanged(session.session_id, secret)
        except SessionNotFound:
            return None
        return Opened(session, successor, rotated=True)

    async def _exchanged(self, session_id: str, secret: str | bytes) -> Opened[R] | None:
        """Give the secret that another caller has exchanged this one for."""
        session = await self._store.get(session_id, fresh=True)
        if session is None or not self.opens(session, secret):
            return None
        return Opened(session, self._successor_in(session, secret))

    def _successor_in(self, session: R, secret: str | bytes) -> str | None:
        """Derive the secret that has taken the place of this one, under whichever key it was."""
        place = self._place(session)
        derived = (_successor(key, place, secret) for key in self._keys)
        return next((one for one in derived if _same(session.secret_hash, secret_hash(one))), None)

    def _is_current(self, session: R, secret: str | bytes) -> bool:
        return _same(session.secret_hash, secret_hash(secret))

    def _place(self, session: R) -> tuple[str, str, str]:
        return self._store.terms.namespace, session.session_id, session.incarnation

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall() / MICROSECONDS, UTC)


def _successor(key: RootKey, place: tuple[str, ...], secret: str | bytes) -> str:
    """Derive a new secret; without the key nobody can, not even who holds the old one."""
    subkey = key.derive("rotation", *place)
    return urlsafe_b64encode(hmac.digest(subkey, _bytes(secret), "sha256")).rstrip(b"=").decode()


def _same(kept: str | None, given: str) -> bool:
    """Compare hashes; it takes as long where there is nothing to compare with."""
    return hmac.compare_digest((kept or _NOBODY).encode(), given.encode()) and kept is not None


def _bytes(secret: str | bytes) -> bytes:
    return secret if isinstance(secret, bytes) else secret.encode(errors="replace")
