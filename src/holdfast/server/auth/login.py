"""A device that a user has signed in on: the session that cookies and tokens stand for."""

from base64 import urlsafe_b64encode
from re import compile as pattern
from secrets import token_bytes
from typing import Final, Literal

from pydantic import Field

from holdfast.rotation import Rotating
from holdfast.session import Counter, Fingerprint, Name, UtcTime

LOGIN_ID_BYTES: Final = 16
_LOGIN_ID: Final = pattern(r"[A-Za-z0-9_-]{22}")

# How a device shows who it is.
Bearing = Literal["cookie", "tokens"]


class Login(Rotating):
    """One signed-in device of one user.

    `generation` counts refreshes, `refresh_key` names the key under which the newest refresh token
    was made, `late_hits` how often its predecessor came again when that was hardly an accident.
    `authenticated_at` is None once the client has changed: what is sensitive needs the password.
    """

    name: str
    roles: tuple[str, ...] = ()
    bearing: Bearing = "tokens"
    generation: Counter = 0
    late_hits: Counter = 0
    refreshed_at: UtcTime | None = None
    refresh_key: str | None = None
    fingerprint: Fingerprint | None = None
    device: Name | None = None
    network: Name | None = None
    authenticated_at: UtcTime | None = Field(default=None)


def new_login_id() -> str:
    """Make an id of 128 random bits; it names a login, and opens nothing."""
    return urlsafe_b64encode(token_bytes(LOGIN_ID_BYTES)).rstrip(b"=").decode()


def is_login_id(text: str) -> bool:
    """Say whether a text can be the id of a login."""
    return _LOGIN_ID.fullmatch(text) is not None
