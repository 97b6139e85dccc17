"""What sign-in is made of, put together over an open service."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.fingerprint import Fingerprints
from holdfast.rotation import Rotation
from holdfast.server.audit.trail import Trail
from holdfast.server.auth.access_tokens import AccessTokens
from holdfast.server.auth.login import Login
from holdfast.server.auth.logins import Logins
from holdfast.server.auth.recognising import Recognition
from holdfast.server.auth.refresh_tokens import RefreshTokens
from holdfast.server.auth.refreshing import Refreshing
from holdfast.server.auth.socket_tickets import SocketTickets
from holdfast.server.auth.standing import Standing
from holdfast.server.auth.throttle import Throttle
from holdfast.server.csrf import CsrfTokens
from holdfast.server.purging import purging
from holdfast.server.service import Service
from holdfast.server.users import Users

# A browser's cookie gets a new secret this often; for so long the old one still opens.
ROTATE_SECONDS: Final = 900
OVERLAP_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class SignIn:
    """The parts, at work."""

    users: Users
    logins: Logins
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    recognition: Recognition
    standing: Standing
    refreshing: Refreshing
    rotation: Rotation[Login]
    throttle: Throttle
    tickets: SocketTickets
    csrf: CsrfTokens
    trail: Trail


@asynccontextmanager
async def open_sign_in(service: Service, *, clock: Clock = SYSTEM_CLOCK) -> AsyncGenerator[SignIn]:
    """Let people sign in for the block, by the clock that is given."""
    settings, keys = service.settings, service.keys
    fingerprints = Fingerprints(keys, namespace=settings.namespace)
    refresh_tokens = RefreshTokens(keys, namespace=settings.namespace)
    logins = Logins.beside(
        service.store,
        keys,
        terms=settings.login_terms,
        fingerprints=fingerprints,
        strictness=settings.fingerprinting,
        clock=clock,
    )
    recognition = Recognition(
        logins, service.trail, fingerprints, strictness=settings.fingerprinting
    )
    standing = Standing(logins, service.users, service.trail)
    sign_in = SignIn(
        users=service.users,
        logins=logins,
        access_tokens=_access_tokens(service, clock),
        refresh_tokens=refresh_tokens,
        recognition=recognition,
        standing=standing,
        refreshing=Refreshing(logins, refresh_tokens, service.trail, recognition, standing),
        rotation=Rotation(
            logins.store, keys, every=ROTATE_SECONDS, overlap=OVERLAP_SECONDS, clock=clock
        ),
        throttle=_throttle(service),
        tickets=SocketTickets(service.store, keys),
        csrf=CsrfTokens(keys),
        trail=service.trail,
    )
    async with AsyncExitStack() as tasks:
        for store in (logins.store, sign_in.throttle.waiting, sign_in.tickets.store):
            await tasks.enter_async_context(purging(store, every=settings.cleanup_seconds))
        yield sign_in


def _access_tokens(service: Service, clock: Clock) -> AccessTokens:
    settings = service.settings
    return AccessTokens(
        service.keys,
        namespace=settings.namespace,
        issuer=settings.token_issuer,
        seconds=settings.login_terms.access,
        clock=clock,
    )


def _throttle(service: Service) -> Throttle:
    settings = service.settings
    return Throttle(
        service.store,
        service.keys,
        limit=settings.failed_login_limit,
        cooldown=settings.failed_login_seconds,
    )


async def _sign_in(connection: HTTPConnection) -> SignIn:
    return cast("SignIn", connection.app.state.sign_in)


SigningIn = Annotated[SignIn, Depends(_sign_in)]
