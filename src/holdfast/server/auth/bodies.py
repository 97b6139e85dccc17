"""What sign-in reads and answers."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr

from holdfast.server.auth.login import Login
from holdfast.server.auth.principal import Principal
from holdfast.server.requests import Body

LONGEST_WRITTEN = 4096
Written = Annotated[SecretStr, Field(max_length=LONGEST_WRITTEN)]


class Credentials(Body):
    """A name and a password; with `cookie` the answer is a cookie that no script can read.

    Pages of this service always get the cookie. Whoever says nothing of where they are gets none.
    """

    username: Annotated[str, Field(max_length=LONGEST_WRITTEN)]
    password: Written
    cookie: bool = False


class RefreshRequest(Body):
    refresh_token: Written


class LogoutRequest(Body):
    """What to sign out: this device, the one of a refresh token, or with `everywhere` all."""

    refresh_token: Written | None = None
    everywhere: bool = False


class PasswordRequest(Body):
    """A new password; other devices are signed out unless they are to stay."""

    current_password: Written
    new_password: Written
    end_others: bool = True


class TokensReply(BaseModel):
    """Tokens of a program, or the word that a browser has its cookie."""

    access_token: str | None = None
    refresh_token: str | None = None
    token_type: Literal["Bearer", "cookie"] = "Bearer"  # noqa: S105 - a kind
    expires_in: int


class MeReply(BaseModel):
    """The caller; `handle` names this device in the list of devices."""

    kind: Literal["visitor", "user", "service", "open"]
    user_id: str | None = None
    name: str | None = None
    roles: list[str] = []
    scopes: list[str] = []
    handle: str | None = None
    authenticated_at: datetime | None = None

    @classmethod
    def of(cls, caller: Principal) -> Self:
        return cls(
            kind=caller.kind,
            user_id=caller.user_id,
            name=caller.name,
            roles=sorted(caller.roles),
            scopes=sorted(caller.scopes),
            handle=caller.login_id,
            authenticated_at=caller.authenticated_at,
        )


class DeviceReply(BaseModel):
    """A device that is signed in: since when, seen last when, what and roughly where it is."""

    handle: str
    created_at: datetime
    last_seen: datetime
    expires_at: datetime
    device: str | None
    network: str | None
    bearing: Literal["cookie", "tokens"]
    current: bool

    @classmethod
    def of(cls, login: Login, *, current: str | None) -> Self:
        return cls(
            handle=login.session_id,
            created_at=login.created_at,
            last_seen=login.last_activity,
            expires_at=login.expires_at,
            device=login.device,
            network=login.network,
            bearing=login.bearing,
            current=login.session_id == current,
        )


class DevicesReply(BaseModel):
    sessions: list[DeviceReply]


class EndedReply(BaseModel):
    """How many devices were signed out."""

    status: Literal["ended"] = "ended"
    ended: int
