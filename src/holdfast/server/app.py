"""The application: every part put together, every resource mounted."""

import gc
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

import holdfast
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.server import (
    budgets,
    chat,
    events,
    health,
    items,
    knowledge,
    leases,
    page,
    sessions,
)
from holdfast.server.access import Access, ApiKeys
from holdfast.server.auth import routes as auth
from holdfast.server.auth import ticketing
from holdfast.server.auth.cookies import RenewedCookies
from holdfast.server.auth.parts import open_sign_in
from holdfast.server.client_limits import ClientLimits
from holdfast.server.conversation import routes, socket
from holdfast.server.conversation.parts import open_talk
from holdfast.server.documentation import document_refusals
from holdfast.server.envelope import Envelope
from holdfast.server.headers import DOCS_PATH
from holdfast.server.health import Readiness
from holdfast.server.log_lines import configure_logging, write_kept_lines
from holdfast.server.measures import Measures
from holdfast.server.origins import Loopback
from holdfast.server.page import Page
from holdfast.server.problems import answer_errors
from holdfast.server.proxies import TrustedProxies
from holdfast.server.service import open_service
from holdfast.server.settings import Settings
from holdfast.server.sockets import Places
from holdfast.server.stopping import told_of_stopping
from holdfast.server.users import routes as users
from holdfast.server.users import setup_routes

SHOWN_HEADERS = (
    "ETag",
    "Location",
    "Retry-After",
    "X-CSRF-Token",
    "X-Instance-ID",
    "X-Process-Time",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)

TAKEN_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "X-CSRF-Token",
    "X-Request-ID",
)


class Application(FastAPI):
    """A FastAPI application inside an envelope that even its unexpected errors go through."""

    def __init__(self, settings: Settings, *, clock: Clock = SYSTEM_CLOCK) -> None:
        documented = not settings.production if settings.docs is None else settings.docs
        super().__init__(
            title="Holdfast",
            version=holdfast.__version__,
            lifespan=_opened(settings, clock),
            docs_url=DOCS_PATH if documented else None,
            redoc_url=None,
            openapi_url="/openapi.json" if documented else None,
        )
        self._max_body_bytes = settings.max_body_bytes
        self._trusted_proxies = settings.trusted_proxies
        self.state.instance_id = secrets.token_hex(8)
        self.state.clock = clock
        self.state.api_keys = ApiKeys.of(settings)
        self.state.access = Access(self.state.api_keys, listed=settings.cors_origins)
        self.state.places = Places(
            settings.websocket_connections, unknown=settings.websocket_unknown_per_network
        )

    def openapi(self) -> dict[str, Any]:
        """Make the document, once."""
        if self.openapi_schema is None:
            self.openapi_schema = document_refusals(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Put the envelope around everything."""
        enveloped = Envelope(
            super().build_middleware_stack(),
            instance_id=self.state.instance_id,
            max_body_bytes=self._max_body_bytes,
        )
        return TrustedProxies(enveloped, networks=self._trusted_proxies)


def create_app(settings: Settings | None = None, *, clock: Clock = SYSTEM_CLOCK) -> FastAPI:
    """Make the application; without settings they are read from the environment.

    Raises:
        InvalidSettings: it holds every problem.
    """
    settings = settings or Settings.load()
    app = Application(settings, clock=clock)
    answer_errors(app, revealing=not settings.production, debug=settings.debug)
    app.add_middleware(ClientLimits, listed=settings.cors_origins)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=TAKEN_HEADERS,
            expose_headers=SHOWN_HEADERS,
        )
    app.add_middleware(RenewedCookies)
    if settings.open_access:
        app.add_middleware(Loopback, listed=settings.cors_origins)
    for resource in (
        sessions, items, leases, budgets, auth, events, socket, chat, routes, knowledge, health,
        page, ticketing, users, setup_routes,
    ):  # fmt: skip
        # Side by side, not one in another: each level of routers is searched twice.
        app.router.routes.extend(resource.router.routes)
    return app


def from_environment() -> FastAPI:
    """Make the application of a worker process."""
    settings = Settings.load()
    configure_logging(settings)
    app = create_app(settings)
    # What is loaded now stays: the collector need not walk through all of it time and again.
    gc.collect()
    gc.freeze()
    return app


def _opened(
    settings: Settings, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        measures = Measures()
        app.state.page = Page.read()
        async with open_service(settings, observers=(measures,)) as service:
            measures.begin(service.store.backend.name)
            app.state.measures = measures
            app.state.service = service
            app.state.holdfast_store = service.store
            app.state.readiness = Readiness(service)
            async with (
                open_sign_in(service, clock=clock) as sign_in,
                open_talk(service, app.state.places) as talk,
            ):
                app.state.sign_in, app.state.talk = sign_in, talk
                with told_of_stopping(talk.stop):
                    yield
        write_kept_lines()

    return lifespan
