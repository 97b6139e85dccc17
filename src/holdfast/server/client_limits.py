"""How often a client may ask `/v1`, and a visitor may speak in one conversation.

A client is a user who is signed in, or else an address (a /64 of IPv6). Holders of an API key are
not counted. What pages of other sites have a visitor's browser ask is not counted against the
visitor: it is refused, or counted on its own.
"""

from collections.abc import Collection, Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.errors import HoldfastError
from holdfast.fastapi import Problem, problem_of
from holdfast.limits import Rate, RateLimit, Taken
from holdfast.server.access import ApiKeys, bearer, is_trusted
from holdfast.server.auth.principal import identified
from holdfast.server.origins import SAFE, site_of
from holdfast.server.problems import SERVICE_ANSWERS, forbidden
from holdfast.server.service import Service
from holdfast.server.visitors import Conversation, Parts, network, too_quickly

COUNTED: Final = "/v1/"

Headers = Mapping[str, str]


class ClientLimits:
    """Counts requests before anything else is done for them."""

    def __init__(self, app: ASGIApp, *, listed: Collection[str]) -> None:
        self._app = app
        self._listed = listed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(COUNTED):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        service: Service = request.app.state.service
        try:
            headers = await self._count(request, service)
        except Problem as exc:
            await exc.response(request)(scope, receive, send)
        except HoldfastError as exc:
            revealing = not service.settings.production
            problem = problem_of(exc, answers=SERVICE_ANSWERS, revealing=revealing)
            await problem.response(request)(scope, receive, send)
        else:
            await self._app(scope, receive, _with_headers(send, headers) if headers else send)

    async def _count(self, request: Request, service: Service) -> Headers:
        """Take one request from what the client may ask, and say what is left.

        Raises:
            Problem: there was nothing left, or a page of another site asks.
            StoreUnavailable: nobody can tell.
        """
        token = bearer(request)
        keys: ApiKeys = request.app.state.api_keys
        if keys.has(token):
            return {}
        is_other = site_of(request, self._listed) == "other"
        if is_other and token is None and request.method not in SAFE:
            raise forbidden("This request comes from a page of another site.")
        if service.visitors is None:
            return {}
        client = await _client(request)
        taken = await service.visitors.take(f"other {client}" if is_other else client)
        if not taken.allowed:
            await service.trail.record(
                "rate.limited", outcome="refused", network=network(request), limit="requests"
            )
            raise too_many(taken)
        return _told(taken)


async def _client(request: Request) -> str:
    caller = await identified(request)
    if caller is not None and caller.login_id is not None:
        return f"login {caller.login_id}"
    return network(request)


async def count_message(service: Service, session_id: str) -> None:
    """Take one message from what may be said in a conversation.

    Raises:
        Problem: there was nothing left.
        StoreUnavailable: nobody can tell.
    """
    settings = service.settings
    if settings.rate_limit:
        rate = Rate(settings.message_limit, settings.message_limit_seconds, settings.message_limit)
        messages = RateLimit(service.store.backend, "messages", rate, key=service.keys)
        taken = await messages.take(session_id)
        if not taken.allowed:
            await service.trail.record(
                "rate.limited", outcome="refused", session_id=session_id, limit="messages"
            )
            raise too_many(taken)


async def limit_messages(session_id: Conversation, request: Request, parts: Parts) -> None:
    """Let a visitor speak so often in one conversation; those who are trusted are not counted.

    Raises:
        Problem: it was too often.
    """
    if not await is_trusted(request, "chat"):
        await count_message(parts, session_id)


def too_many(taken: Taken) -> Problem:
    """Make the answer to a client who has nothing left."""
    seconds, detail = too_quickly(taken)
    headers = {**_told(taken), "Retry-After": str(seconds)}
    facts = {"retry_after": seconds}
    return Problem(429, "RATE_LIMITED", "Rate limited", detail, facts=facts, headers=headers)


def _told(taken: Taken) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(taken.limit),
        "X-RateLimit-Remaining": str(taken.remaining),
        "X-RateLimit-Reset": str(taken.reset_after),
    }


def _with_headers(send: Send, told: Headers) -> Send:
    """Add to an answer what is left, unless it tells of another limit."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in told.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
