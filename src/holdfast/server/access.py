"""Who may call: holders of an API key."""

import hmac
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from holdfast.server.auth.principal import EVERYTHING, OPEN, Principal
from holdfast.server.json_route import JsonRoute
from holdfast.server.problems import unauthenticated
from holdfast.server.settings import Settings


class ApiKeys:
    """The API keys that open the service; none of them is ever shown."""

    def __init__(self, keys: Iterable[str], *, open_access: bool = False) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self.open_access = open_access

    @classmethod
    def of(cls, settings: Settings) -> "ApiKeys":
        """Take them from the settings."""
        keys = (key.get_secret_value() for key in settings.api_keys)
        return cls(keys, open_access=settings.open_access)

    def has(self, token: bytes | None) -> bool:
        """Say whether the token is one of them; it takes the same time whichever it is."""
        if token is None:
            return False
        matches = [hmac.compare_digest(key, token) for key in self._keys]
        return any(matches)

    def trusts(self, request: Request) -> bool:
        """Say whether the caller may do what holders of a key may."""
        return self.open_access or self.has(bearer(request))


class Access:
    """Says who calls, by what the request shows."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def identify(self, connection: HTTPConnection) -> Principal | None:
        """Give the caller whom a credential of the request shows; None when none does."""
        if self._keys.open_access:
            return OPEN
        if self._keys.has(bearer(connection)):
            return Principal("service", scopes=frozenset({EVERYTHING}))
        return None


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


async def require_api_key(request: Request) -> None:
    """Let only trusted callers pass.

    Raises:
        Problem: this one is not.
    """
    keys: ApiKeys = request.app.state.api_keys
    if not keys.trusts(request):
        raise unauthenticated(
            "This needs an API key: send Authorization: Bearer <key>, one of HOLDFAST_API_KEYS."
        )


class KeyedRoute(JsonRoute):
    """A route for trusted callers; they are checked before anything of the request is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the check before the handler."""
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            await require_api_key(request)
            return await handle(request)

        return check_and_handle
