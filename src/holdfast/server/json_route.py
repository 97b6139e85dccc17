"""Routes that read JSON, and nothing else: browsers send other types across sites unasked."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from holdfast.fastapi import Problem


def require_json(request: Request) -> None:
    """Refuse a body that does not say that it is JSON.

    Raises:
        Problem: it says something else, or nothing.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    subtype = kind.removeprefix("application/")
    if subtype == kind or (subtype != "json" and not subtype.endswith("+json")):
        detail = "The body must be JSON: send Content-Type: application/json."
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", detail)


class JsonRoute(APIRoute):
    """A route whose body, where it has one, is JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the check before the handler."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def check_and_handle(request: Request) -> Response:
            require_json(request)
            return await handle(request)

        return check_and_handle


class OptionalJsonRoute(APIRoute):
    """A route that needs no body; where there is one, it is JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put the check before the handler."""
        handle = super().get_route_handler()

        async def check_and_handle(request: Request) -> Response:
            if request.headers.get("content-length", "0") != "0" or _is_chunked(request):
                require_json(request)
            return await handle(request)

        return check_and_handle


def _is_chunked(request: Request) -> bool:
    return "transfer-encoding" in request.headers
