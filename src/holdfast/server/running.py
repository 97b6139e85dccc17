"""Running the service: checks first, then one process or several, until a signal ends it."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from socket import socket
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from holdfast.server.frames import LARGEST_FRAME
from holdfast.server.log_lines import configure_logging
from holdfast.server.page import Page
from holdfast.server.service import StartRefused, check_start
from holdfast.server.settings import PREFIX, Settings
from holdfast.server.users.setup_routes import PAGE

# Set before prometheus_client is imported by a worker, it adds up the figures of all workers.
MEASURES_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


Announce = Callable[[str], None]


class AnnouncingServer(uvicorn.Server):
    """Tells its address once it listens."""

    def __init__(self, config: uvicorn.Config, *, announce: Announce) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        listening = [found for server in self.servers for found in server.sockets]
        if listening:
            self._announce(_url(self.config.host, listening[0].getsockname()[1]))


def run(settings: Settings, *, announce: Announce, offer: Announce | None = None) -> None:
    """Serve until SIGTERM or SIGINT; turns in flight are finished, then the process ends with 0.

    `announce` is told the address when it is certain. `offer` is told then where the first admin
    is made, if there is none; that address is a secret.

    Raises:
        StartRefused: a part that the service needs is out.
    """
    try:
        configure_logging(settings)
    except OSError as exc:
        raise StartRefused(f"The log file cannot be used: {exc}") from exc
    Page.read()
    token = asyncio.run(check_start(settings, offering=offer is not None))

    def tell(url: str) -> None:
        announce(url)
        if offer is not None and token is not None:
            offer(f"{url.rstrip('/')}{PAGE}#{token}")

    for ending in (signal.SIGTERM, signal.SIGINT):
        # The server raises a signal again when it has done what the signal asks for.
        signal.signal(ending, _end)
    config = _config(settings)
    if settings.workers == 1:
        AnnouncingServer(config, announce=tell).run()
        return
    with _shared_measures():
        bound = config.bind_socket()
        tell(_url(settings.host, bound.getsockname()[1]))
        Multiprocess(config, sockets=[bound]).run()


def hand_down(given: dict[str, Any]) -> None:
    """Let worker processes read what the command line said, where they read everything else."""
    for name, value in given.items():
        if value is not None:
            os.environ[PREFIX + name.upper()] = str(value)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        "holdfast.server.app:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        lifespan="on",
        log_config=None,
        access_log=False,
        # The application reads what proxies say, and only from those that are trusted.
        proxy_headers=False,
        server_header=False,
        ws_max_size=LARGEST_FRAME,
        ws_ping_interval=settings.websocket_ping_seconds,
        ws_ping_timeout=settings.websocket_timeout_seconds,
        # Compression would keep memory for each socket, and tell lengths of what is sealed.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


@contextmanager
def _shared_measures() -> Generator[None]:
    folder = tempfile.mkdtemp(prefix="holdfast-measures-")
    os.environ[MEASURES_FOLDER] = folder
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _end(*_: object) -> None:
    sys.exit(0)
