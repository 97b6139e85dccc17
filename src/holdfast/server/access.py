"""Who may call: holders of an API key, and users who are signed in."""

import hmac
from collections.abc import Callable, Collection, Coroutine, Iterable
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from holdfast.fastapi import Problem
from holdfast.server.auth.api_keys import ApiKey, read_api_key
from holdfast.server.auth.cookies import SESSION_COOKIE, read_cookie, renew_cookie
from holdfast.server.auth.login import Login, is_login_id
from holdfast.server.auth.parts import SignIn
from holdfast.server.auth.principal import OPEN, Principal, Scope, identified, nobody
from holdfast.server.auth.recognising import ClientChanged
from holdfast.server.clients import client_of
from holdfast.server.csrf import CSRF_HEADER
from holdfast.server.json_route import JsonRoute
from holdfast.server.origins import SAFE, site_of
from holdfast.server.problems import forbidden
from holdfast.server.settings import Settings

# A JSON Web Token has three parts; no other credential has a dot.
_DOTS: Final = 2
# Who signs in anew may have a cookie from before, and no token for it.
TOKENLESS: Final = frozenset({"/v1/auth/login"})


class ApiKeys:
    """The API keys that open the service; none of them is ever shown."""

    def __init__(self, keys: Iterable[ApiKey], *, open_access: bool = False) -> None:
        self._keys = tuple(keys)
        self.open_access = open_access

    @classmethod
    def of(cls, settings: Settings) -> "ApiKeys":
        """Take them from the settings."""
        return cls(map(read_api_key, settings.api_keys), open_access=settings.open_access)

    def scopes(self, token: bytes | None) -> frozenset[str] | None:
        """Say what the holder of a key may do; None for what is no key.

        It takes the same time whichever key it is.
        """
        if token is None:
            return None
        found = [key.scopes for key in self._keys if hmac.compare_digest(key.key, token)]
        return frozenset[str]().union(*found) if found else None

    def has(self, token: bytes | None) -> bool:
        """Say whether the token is one of them."""
        return self.scopes(token) is not None

    def trusts(self, request: Request) -> bool:
        """Say whether the caller may do what holders of a key may."""
        return self.open_access or self.has(bearer(request))


class Access:
    """Says who calls, by what the request shows."""

    def __init__(self, keys: ApiKeys, *, listed: Collection[str] = ()) -> None:
        self._keys = keys
        self._listed = listed

    @property
    def is_open(self) -> bool:
        """Say whether everybody who can reach the service may do everything."""
        return self._keys.open_access

    async def of_socket(
        self, socket: HTTPConnection, token: bytes | None, ticket: str | None = None
    ) -> Principal | None:
        """Give who opened a socket: by what its first frame shows, or else its headers."""
        try:
            if ticket is not None:
                return await self._by_ticket(socket, ticket)
            return await (self.identify(socket) if token is None else self.holder(socket, token))
        except Problem:
            return None

    async def identify(self, connection: HTTPConnection) -> Principal | None:
        """Give the caller whom a credential of the request shows; None when none does.

        Raises:
            Problem: a page of another site has the browser send its cookie.
            StoreUnavailable: nobody can tell whether a user is signed in.
            DatabaseUnavailable: nobody can tell whether a user still may be.
        """
        token, caller = bearer(connection), None
        try:
            if token is not None:
                caller = await self.holder(connection, token)
            else:
                caller = await self._by_cookie(connection)
        except ClientChanged as refusal:
            connection.state.refusal = refusal
        return OPEN if caller is None and self._keys.open_access else caller

    async def holder(self, connection: HTTPConnection, token: bytes) -> Principal | None:
        """Give whose API key or access token it is.

        Raises:
            ClientChanged: it was another client's.
        """
        scopes = self._keys.scopes(token)
        if scopes is not None:
            return Principal("service", scopes=scopes)
        if token.count(b".") != _DOTS:
            return None
        sign_in: SignIn = connection.app.state.sign_in
        claims = sign_in.access_tokens.read(token.decode("latin-1"))
        if claims is None:
            return None
        login = await sign_in.logins.get(claims.login_id)
        if login is None or login.user_id != claims.user_id:
            await self._tell(connection, "token.refused", claims.login_id)
            return None
        return await self._principal(connection, login)

    async def _by_ticket(self, socket: HTTPConnection, ticket: str) -> Principal | None:
        sign_in: SignIn = socket.app.state.sign_in
        origin = socket.headers.get("origin")
        login_id = await sign_in.tickets.redeem(ticket, origin=origin)
        login = None if login_id is None else await sign_in.logins.get(login_id)
        if login is None:
            await self._tell(socket, "ticket.refused", login_id)
            return None
        return await self._principal(socket, login)

    async def _by_cookie(self, connection: HTTPConnection) -> Principal | None:
        """Give the user whom a browser's cookie shows; its secret is exchanged in time."""
        cookie = read_cookie(connection, SESSION_COOKIE)
        login_id, _, secret = (cookie or "").partition(".")
        if not is_login_id(login_id) or _is_visit(connection):
            return None
        sign_in: SignIn = connection.app.state.sign_in
        can_be_told = connection.scope["type"] == "http"
        refusal = self._refusal_of_cookie(connection, login_id)
        # What is refused exchanges nothing: its answer brings no cookie.
        rotate = can_be_told and refusal is None
        opened = await sign_in.rotation.open(login_id, secret, rotate=rotate)
        if opened is None or not sign_in.logins.lives(opened.session):
            await self._tell(connection, "session.unknown", login_id)
            return None
        if refusal is not None:
            await self._tell(connection, "csrf.refused", login_id)
            raise forbidden(refusal)
        if opened.renewed is not None:
            # At once: whatever fails from here on, the old secret opens for seconds only.
            left = sign_in.logins.ends(opened.session) - sign_in.logins.now()
            value = f"{login_id}.{opened.renewed}"
            renew_cookie(connection, SESSION_COOKIE, value, max_age=left.total_seconds())
        closely = opened.rotated or not can_be_told
        caller = await self._principal(connection, opened.session, closely=closely)
        if caller is not None and opened.rotated:
            await self._tell(connection, "session.rotated", login_id, outcome="ok")
        return caller

    async def _principal(
        self, connection: HTTPConnection, login: Login, *, closely: bool = False
    ) -> Principal | None:
        """Give who is signed in on a device, if it is still that device, looked at `closely`.

        Raises:
            ClientChanged: it is another.
        """
        sign_in: SignIn = connection.app.state.sign_in
        if not await sign_in.standing.holds(login):
            return None
        known: Login | None = login
        if closely or sign_in.recognition.is_strict(login):
            known = await sign_in.recognition.recognise(login, client_of(connection))
        if known is None:
            return None
        await sign_in.logins.note_seen(known)
        return principal_of(known)

    def _refusal_of_cookie(self, connection: HTTPConnection, login_id: str) -> str | None:
        """Say why a cookie counts for nothing here: no page of ours, and no listed one, asks."""
        if connection.scope.get("method") in SAFE:
            return None
        if site_of(connection, self._listed) not in {"own", "listed"}:
            return "With a cookie, Sec-Fetch-Site or Origin must show that this page asks."
        if connection.scope["type"] != "http" or connection.url.path in TOKENLESS:
            return None
        sign_in: SignIn = connection.app.state.sign_in
        if sign_in.csrf.is_good(login_id, connection.headers.get(CSRF_HEADER)):
            return None
        return (
            f"With a cookie, {CSRF_HEADER} must hold a token of this sign-in: "
            "GET /v1/auth/me answers with one."
        )

    async def _tell(
        self,
        connection: HTTPConnection,
        event: str,
        login_id: str | None,
        *,
        outcome: str = "refused",
    ) -> None:
        address = client_of(connection).ip_address
        sign_in: SignIn = connection.app.state.sign_in
        await sign_in.trail.record(event, outcome=outcome, session_id=login_id, network=address)


def _is_visit(connection: HTTPConnection) -> bool:
    """Say whether somebody who may be signed in talks to the agent, as anybody may.

    The chat page knows of no sign-in, and brings no token for it: its request is a visitor's.
    """
    unsafe = connection.scope.get("method") not in SAFE and connection.scope["type"] == "http"
    visiting = connection.url.path.startswith("/v1/chat/")
    return unsafe and visiting and CSRF_HEADER not in connection.headers


def principal_of(login: Login) -> Principal:
    """Say who is signed in on a device."""
    return Principal(
        "user",
        user_id=login.user_id,
        name=login.name,
        roles=frozenset(login.roles),
        login_id=login.session_id,
        authenticated_at=login.authenticated_at,
    )


def bearer(request: HTTPConnection) -> bytes | None:
    """Give what stands behind `Authorization: Bearer`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        return None
    # Header bytes come as Latin-1; what was sent as UTF-8 is the same bytes again.
    return token.strip().encode("latin-1")


async def api_keys(request: Request) -> ApiKeys:
    """Find the keys of this application."""
    return request.app.state.api_keys  # type: ignore[no-any-return]


Keys = Annotated[ApiKeys, Depends(api_keys)]


async def is_trusted(connection: HTTPConnection, scope: Scope) -> bool:
    """Say whether a key or a sign-in shows that the caller may do what a scope is for.

    Where access is off, callers who show nothing are not trusted: conversations stay apart.
    """
    caller = await identified(connection)
    return caller is not None and caller.kind != "open" and caller.has_scope(scope)


async def require_access(request: Request) -> None:
    """Let only those pass who may read sessions, or change them where the request does.

    Raises:
        Problem: this one may not.
    """
    caller = await identified(request)
    if caller is None:
        raise nobody(
            request,
            "This needs an API key, or a user of the staff: send Authorization: Bearer <key>, one "
            "of HOLDFAST_API_KEYS, or <access token>.",
        )
    scope: Scope = "sessions:read" if request.method in SAFE else "sessions:write"
    if not caller.has_scope(scope):
        raise forbidden(f"This needs the scope {scope}.")


class KeyedRoute(JsonRoute):
    """A route for trusted callers; they are checked before anything of the request is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the check before the handler."""
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            await require_access(request)
            return await handle(request)

        return check_and_handle
