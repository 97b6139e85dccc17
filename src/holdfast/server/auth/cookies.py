"""Cookies that only this service can have set, and that no script can read.

Their names begin with `__Host-`: browsers take such a cookie over a secure connection alone, for
this host alone and for all of its paths, so no neighbour of the host can set one (RFC 6265bis,
4.1.3.2). Browsers count this machine itself as secure. Only in development, over plain http from
another machine, where none of this can be had, the prefix and `Secure` are left out.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.server.settings import is_loopback

PREFIX: Final = "__Host-"
SESSION_COOKIE: Final = "hf_session"
# Where a request keeps the cookies that are to be sent with its answer.
_RENEWED: Final = "renewed_cookies"


def is_guarded(connection: HTTPConnection) -> bool:
    """Say whether a browser takes secure cookies over this connection."""
    settings = connection.app.state.service.settings
    if settings.production or connection.url.scheme in {"https", "wss"}:
        return True
    try:
        host = urlsplit(f"//{connection.headers.get('host', '')}").hostname
    except ValueError:
        return True
    return is_loopback(host or "")


def full_name(connection: HTTPConnection, name: str) -> str:
    """Give the name that a cookie has over this connection."""
    return f"{PREFIX}{name}" if is_guarded(connection) else name


def read_cookie(connection: HTTPConnection, name: str) -> str | None:
    """Read a cookie under the one name that counts here."""
    return connection.cookies.get(full_name(connection, name))


def set_cookie(
    response: Response, connection: HTTPConnection, name: str, value: str, *, max_age: float
) -> None:
    """Give a browser a cookie; with `max_age` 0 it is taken away, with the same attributes."""
    response.set_cookie(
        full_name(connection, name),
        value,
        max_age=int(max_age),
        path="/",
        httponly=True,
        secure=is_guarded(connection),
        samesite="lax",
    )


def renew_cookie(connection: HTTPConnection, name: str, value: str, *, max_age: float) -> None:
    """Have a cookie sent with whatever answers this request."""
    carrier = Response()
    set_cookie(carrier, connection, name, value, max_age=max_age)
    renewed = connection.scope.setdefault("state", {}).setdefault(_RENEWED, {})
    renewed[full_name(connection, name)] = carrier.headers["set-cookie"]


class RenewedCookies:
    """Sends the cookies that were renewed on the way, unless the answer sets them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookies(message: Message) -> None:
            renewed = scope.get("state", {}).get(_RENEWED)
            if renewed and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = {line.partition("=")[0] for line in headers.getlist("set-cookie")}
                for name, line in renewed.items():
                    if name not in own:
                        headers.append("set-cookie", line)
            await send(message)

        await self._app(scope, receive, send_with_cookies if scope["type"] == "http" else send)
