"""Who a request comes from, and what they may do.

Roles belong to users and contain each other: an admin may do what staff may, staff what visitors
may. Scopes belong to services, and a role brings its own; `*` is all of them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal, Protocol, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from holdfast.fastapi import Problem
from holdfast.server.problems import forbidden, unauthenticated

Role = Literal["visitor", "staff", "admin"]
Scope = Literal[
    "sessions:read", "sessions:write", "events", "chat", "tickets", "knowledge:write", "users"
]

ROLES: Final[tuple[Role, ...]] = ("visitor", "staff", "admin")
SCOPES: Final[frozenset[str]] = frozenset(Scope.__args__)  # type: ignore[attr-defined]
EVERYTHING: Final = "*"
ROLE_SCOPES: Final[dict[Role, frozenset[str]]] = {
    "visitor": frozenset(),
    "staff": SCOPES - {"users"},
    "admin": SCOPES,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """One caller.

    `kind` is `open` where access is off, and nobody has to say who they are. `login_id` is the
    session of a user's device, `authenticated_at` when that user last gave the password.
    """

    kind: Literal["visitor", "user", "service", "open"]
    user_id: str | None = None
    name: str | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    login_id: str | None = None
    authenticated_at: datetime | None = None

    def has_role(self, role: Role) -> bool:
        """Say whether the caller may do what this role may, by this role or one above it."""
        if self.kind == "user":
            return not self.roles.isdisjoint(ROLES[ROLES.index(role) :])
        return EVERYTHING in self.scopes

    def has_scope(self, scope: Scope) -> bool:
        """Say whether the caller may do what this scope is for."""
        if EVERYTHING in self.scopes or scope in self.scopes:
            return True
        return self.kind == "user" and any(
            scope in ROLE_SCOPES[role] for role in ROLES if role in self.roles
        )


OPEN: Final = Principal("open", scopes=frozenset({EVERYTHING}))
VISITOR: Final = Principal("visitor", roles=frozenset({"visitor"}))


class Identifying(Protocol):
    """Says who calls; `app.state.access` is one."""

    async def identify(self, connection: HTTPConnection) -> Principal | None:
        """Give the caller whom a credential of the request shows; None when none does.

        Raises:
            StoreUnavailable: nobody can tell. It is never taken for an anonymous caller.
        """
        ...


async def identified(connection: HTTPConnection) -> Principal | None:
    """Give the caller, asked for once a request; None when nothing shows who it is."""
    if "principal" not in connection.state:
        access: Identifying = connection.app.state.access
        connection.state.principal = await access.identify(connection)
    return cast("Principal | None", connection.state.principal)


async def principal(connection: HTTPConnection) -> Principal:
    """Give the caller.

    Raises:
        Problem: nothing shows who it is (401).
    """
    caller = await identified(connection)
    if caller is None:
        detail = "Sign in, or send Authorization: Bearer with an access token or an API key."
        raise nobody(connection, detail)
    return caller


def nobody(connection: HTTPConnection, detail: str) -> Problem:
    """Make the answer to a caller whom nothing shows; why a sign-in ended by this goes first."""
    refusal: Problem | None = getattr(connection.state, "refusal", None)
    return refusal or unauthenticated(detail)


Caller = Annotated[Principal, Depends(principal)]


def require_scope(scope: Scope) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """Make a dependency that lets callers pass who have a scope, or a role that brings it."""

    async def check(connection: HTTPConnection) -> Principal:
        caller = await principal(connection)
        if not caller.has_scope(scope):
            raise await _refusal(connection, caller, f"the scope {scope}")
        return caller

    return check


async def _refusal(connection: HTTPConnection, caller: Principal, needed: str) -> Problem:
    """Put it on the trail that a caller may not, and make the answer."""
    await connection.app.state.service.trail.record(
        "access.refused",
        outcome="refused",
        actor=caller.user_id,
        session_id=caller.login_id,
        network=connection.client.host if connection.client else None,
        needed=needed,
    )
    return forbidden(f"This needs {needed}.")
