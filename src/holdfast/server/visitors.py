"""Visitors of the chat: who they are, where they come from, how often they may ask.

A conversation is opened by a secret beside its id: in `Authorization: Bearer`, or in a cookie of
the browser as `<id>.<secret>`. Each conversation has its own cookie, so that two which are begun at
once do not write over each other. An id that was never issued, a wrong secret and an expired
conversation are answered alike. Staff and keys with the scope `chat` open every conversation.
"""

import hashlib
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Final

from fastapi import Depends, Request, Response
from starlette.requests import HTTPConnection

from holdfast.fastapi import Store
from holdfast.limits import Taken
from holdfast.rotation import Opened, Rotation
from holdfast.server.access import bearer, is_trusted
from holdfast.server.auth.cookies import full_name, renew_cookie, set_cookie
from holdfast.server.auth.principal import nobody
from holdfast.server.clients import another_client, is_same_client
from holdfast.server.model import ServiceSession
from holdfast.server.origins import SAFE, Site, site_of
from holdfast.server.problems import forbidden
from holdfast.server.requests import SessionId
from holdfast.server.service import Service
from holdfast.store import SessionStore

COOKIE: Final = "hf_chat"
# A browser goes back to this many conversations; the oldest are given up.
MOST_KEPT: Final = 10
# After so many seconds of use a cookie gets a new secret.
EXCHANGE_SECONDS: Final = 900


def is_own_page(request: Request, site: Site) -> bool:
    """Say whether a script of our own page asks: browsers alone send such headers, and always."""
    fetched = "sec-fetch-site" in request.headers or "sec-fetch-mode" in request.headers
    return site == "own" and fetched


async def service(request: Request) -> Service:
    """Find the parts of this application."""
    return request.app.state.service  # type: ignore[no-any-return]


Parts = Annotated[Service, Depends(service)]


async def asking_site(request: Request, parts: Parts) -> Site:
    """Say where the request comes from."""
    return site_of(request, parts.settings.cors_origins)


AskingSite = Annotated[Site, Depends(asking_site)]


async def refuse_other_sites(site: AskingSite) -> None:
    """Refuse a request that a page of another site has a visitor's browser send.

    Raises:
        Problem: it comes from another site.
    """
    if site == "other":
        raise forbidden("This request comes from a page of another site.")


def keep_secret(
    response: Response, request: Request, *, session: ServiceSession, secret: str, max_age: float
) -> None:
    """Give a browser the secret in a cookie that its scripts cannot read, beside earlier ones."""
    value = f"{session.session_id}.{secret}"
    set_cookie(response, request, _cookie_name(session), value, max_age=max_age)
    # Names sort by age.
    earlier = sorted(_kept(request))
    for name in earlier[: max(0, len(earlier) + 1 - MOST_KEPT)]:
        set_cookie(response, request, name, "", max_age=0)


async def opened_conversation(
    session_id: SessionId,
    request: Request,
    store: Store[ServiceSession],
    site: AskingSite,
) -> str:
    """Let only callers pass whom a secret, a key or a sign-in shows to belong here.

    Raises:
        Problem: nothing does.
    """
    if await is_trusted(request, "chat"):
        return session_id
    session = await _opened(session_id, request, store, site)
    if session is None:
        raise nobody(request, "This conversation is not open to you, or it has ended.")
    quietly = request.method in SAFE
    if not await is_same_client(request, await service(request), session, quietly=quietly):
        raise another_client()
    return session_id


def rotation_of(connection: HTTPConnection) -> Rotation[ServiceSession]:
    """Give what exchanges the secrets of visitors' cookies.

    The old secret opens until the new one is exchanged in its turn: who loses the answer that
    brought the new one, on a line that fails, does not lose the conversation.
    """
    service: Service = connection.app.state.service
    return Rotation(
        service.store,
        service.keys,
        every=EXCHANGE_SECONDS,
        overlap=EXCHANGE_SECONDS,
        clock=connection.app.state.clock,
    )


async def _opened(
    session_id: str, request: Request, store: SessionStore[ServiceSession], site: Site
) -> ServiceSession | None:
    """Read the conversation if the caller's secret opens it; a cookie's is exchanged in time."""
    rotation, token = rotation_of(request), bearer(request)
    if token is not None:
        session = await store.get(session_id)
        return session if rotation.opens(session, token) else None
    secret = _cookie_secret(request, session_id, site)
    opened = None if secret is None else await rotation.open(session_id, secret)
    if opened is None:
        return None
    if opened.renewed is not None:
        await _renew(request, opened)
    return opened.session


async def _renew(request: Request, opened: Opened[ServiceSession]) -> None:
    service: Service = request.app.state.service
    session = opened.session
    value = f"{session.session_id}.{opened.renewed}"
    most = service.settings.max_age_seconds
    renew_cookie(request, _cookie_name(session), value, max_age=most)
    if opened.rotated:
        await service.trail.record("session.rotated", session_id=session.session_id)


def too_quickly(taken: Taken) -> tuple[int, str]:
    """Say in how many seconds a visitor may ask again, and say it in words."""
    seconds = max(1, taken.retry_after)
    return seconds, f"You are sending messages too quickly. Please try again in {seconds} s."


def _cookie_secret(request: Request, session_id: str, site: Site) -> bytes | None:
    secret = cookie_secret(request, session_id)
    # A cookie comes along whoever asks, so whoever asks has to say where from.
    if secret is not None and request.method not in SAFE and site not in {"own", "listed"}:
        raise forbidden("With a cookie, Sec-Fetch-Site or Origin must show that this page asks.")
    return secret


def cookie_secret(connection: HTTPConnection, session_id: str) -> bytes | None:
    """Give the secret that a browser keeps for a conversation."""
    for opened in _kept(connection).values():
        named, _, secret = opened.rpartition(".")
        if named == session_id:
            return secret.encode("latin-1", errors="replace")
    return None


def _kept(connection: HTTPConnection) -> dict[str, str]:
    """Give the cookies of conversations, by their names without the prefix."""
    begin = full_name(connection, f"{COOKIE}_")
    cookies = connection.cookies.items()
    return {
        f"{COOKIE}_{name.removeprefix(begin)}": value
        for name, value in cookies
        if name.startswith(begin)
    }


def _cookie_name(session: ServiceSession) -> str:
    began = int(session.created_at.timestamp() * 1_000_000)
    digest = hashlib.sha256(session.session_id.encode()).hexdigest()
    return f"{COOKIE}_{began:014x}_{digest[:8]}"


def network(request: HTTPConnection) -> str:
    """Name where a visitor comes from; a home has a whole /64 of IPv6 addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or f"{address.exploded[:19]}::/64")
    return str(address)


Conversation = Annotated[str, Depends(opened_conversation)]
