"""Where a browser's request comes from: a page of this service, a listed origin, another site."""

from collections.abc import Collection
from typing import Final, Literal
from urllib.parse import urlsplit

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.server.closing import Ending
from holdfast.server.problems import forbidden
from holdfast.server.settings import is_loopback

# `unsaid` is what programs send, and browsers too old to say it.
Site = Literal["own", "listed", "other", "unsaid"]
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def site_of(request: HTTPConnection, listed: Collection[str]) -> Site:
    """Say which page has a browser send the request; its scripts cannot forge these headers."""
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if fetched is None and origin is None:
        return "unsaid"
    if fetched in {"same-origin", "none"}:
        return "own"
    if fetched is None and _is_own(origin or "", request):
        return "own"
    return "listed" if origin in listed else "other"


def _is_own(origin: str, request: HTTPConnection) -> bool:
    """Compare an origin with the address that is asked.

    Behind a proxy the service may not know that it is reached encrypted; where it does, a page that
    came unencrypted may be anybody's.
    """
    scheme, separator, host = origin.partition("://")
    encrypted = request.url.scheme in {"https", "wss"}
    known = scheme == "https" or (scheme == "http" and not encrypted)
    return bool(separator) and known and host == request.headers.get("host")


class Loopback:
    """Keeps a service whose access is off to this machine.

    A page of another site reaches it through the visitor's browser: under a name of its own that
    it lets point here, or across sites. Another machine does where a server was started by other
    means than `holdfast serve`, which knows on what address it listens, or where a proxy stands.
    """

    def __init__(self, app: ASGIApp, *, listed: Collection[str]) -> None:
        self._app = app
        self._listed = listed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else self._refusal(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": Ending.FORBIDDEN})
        else:
            await forbidden(refusal).response(Request(scope))(scope, receive, send)

    def _refusal(self, request: HTTPConnection) -> str | None:
        if request.client is not None and not is_loopback(request.client.host):
            return "With HOLDFAST_AUTH=off the service answers to callers on this machine."
        if not _is_loopback_name(request.headers.get("host", "")):
            return "With HOLDFAST_AUTH=off the service answers to 127.0.0.1, [::1] and localhost."
        changes = request.scope.get("method") not in SAFE
        if changes and site_of(request, self._listed) == "other":
            return "This request comes from a page of another site."
        return None


def _is_loopback_name(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
