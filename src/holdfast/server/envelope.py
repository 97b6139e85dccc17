"""What every answer has around it: ids, timing, headers, a bounded body, a line in the log.

It stands outside of everything else, also of what answers an unexpected error.
"""

import asyncio
import logging
import time
from collections.abc import Iterable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.fastapi import Problem
from holdfast.server.headers import Header, completed
from holdfast.server.request_ids import CURRENT, RequestIds

logger = logging.getLogger("holdfast.http")


class Envelope:
    """Wraps an application; `instance_id` names the process that answers."""

    def __init__(self, app: ASGIApp, *, instance_id: str, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._request_ids = RequestIds(instance_id)
        self._instance = (b"x-instance-id", instance_id.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict[bytes, bytes](scope["headers"])
        request_id = self._request_ids.choose(given.get(b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        token = CURRENT.set(request_id)
        outgoing = Outgoing(send, scope, instance=self._instance, request_id=request_id)
        incoming = _bounded(receive, given.get(b"content-length"), limit=self._max_body_bytes)
        try:
            await self._app(scope, incoming, outgoing)
        except asyncio.CancelledError:
            # The server gives up what is still in flight when its time to stop has run out.
            if outgoing.begun:
                raise
            await _stopping().response(Request(scope))(scope, receive, outgoing)
        except Exception:
            # It has been answered; the connection goes on.
            logger.exception("http.failed")
        finally:
            outgoing.log()
            CURRENT.reset(token)


class Outgoing:
    """One answer on its way out."""

    def __init__(
        self, send: Send, scope: Scope, *, instance: tuple[bytes, bytes], request_id: str
    ) -> None:
        self._send = send
        self._scope = scope
        self._instance = instance
        self._request_id = request_id
        self._began = time.perf_counter()
        self._status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"] = self._completed(message.get("headers", ()))
        await self._send(message)

    @property
    def begun(self) -> bool:
        """Say whether the caller has been told a status."""
        return self._status > 0

    def log(self) -> None:
        """Say what was asked and answered: the route, not the path, which may name a session."""
        if not logger.isEnabledFor(logging.INFO):
            return
        route = self._scope.get("route")
        facts = {
            "method": self._scope["method"],
            "route": getattr(route, "path", "unmatched"),
            "status": self._status,
            "ms": round((time.perf_counter() - self._began) * 1000, 2),
        }
        logger.info("http.request", extra=facts)

    def _completed(self, headers: Iterable[Header]) -> list[Header]:
        scheme = self._scope.get("scheme", "http")
        written = completed(headers, path=self._scope["path"], scheme=scheme)
        seconds = time.perf_counter() - self._began
        written += [
            self._instance,
            (b"x-request-id", self._request_id.encode()),
            (b"x-process-time", b"%.6f" % seconds),
        ]
        return written


def _bounded(receive: Receive, announced: bytes | None, *, limit: int) -> Receive:
    """Refuse to read more of a body than allowed, whatever its headers say."""
    announced_bytes = int(announced) if announced and announced.isdigit() else 0
    read = 0

    async def receive_bounded() -> Message:
        nonlocal read
        if announced_bytes > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > limit:
                raise _too_large(limit)
        return message

    return receive_bounded


def _stopping() -> Problem:
    facts = {"retry_after": 1, "outcome": "unknown"}
    detail = "The service is stopping, and this request took longer than it may wait for."
    headers = {"Retry-After": "1"}
    return Problem(
        503, "STORE_UNAVAILABLE", "Store unavailable", detail, facts=facts, headers=headers
    )


def _too_large(limit: int) -> Problem:
    detail = f"The body of the request is larger than {limit} bytes."
    return Problem(413, "PAYLOAD_TOO_LARGE", "Payload too large", detail, facts={"limit": limit})
