"""A Redis server for the length of a run; nothing of it reaches the disk."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Final

from holdfast.verification.server import StartedServer

HOST: Final = "127.0.0.1"


@asynccontextmanager
async def serving(command: str, port: int) -> AsyncGenerator[None]:
    """Start the server, and stop it in the end.

    Raises:
        ServerFailed: it cannot be started.
    """
    with TemporaryDirectory(prefix="holdfast-bench-") as folder:
        settings = f"--bind {HOST} --port {port} --save '' --appendonly no --dir {quote(folder)}"
        async with StartedServer(f"{command} {settings}", (HOST, port)):
            yield


def url_of(port: int) -> str:
    """Say where a server on this host is."""
    return f"redis://{HOST}:{port}"


def free_port() -> int:
    """Let the system choose a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
