"""The service in this process, at an address: with clocks and parts that tests can move."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from holdfast.server import Settings, create_app
from tests.server.serving import API_KEY


@asynccontextmanager
async def listening(folder: Path, **settings: Any) -> AsyncGenerator[tuple[str, FastAPI]]:
    """The service in this process, at an address."""
    chosen: dict[str, Any] = {
        "store": "memory://", "shipped_articles": False, "api_keys": [API_KEY], **settings,
    }  # fmt: skip
    app = create_app(Settings.load(data_dir=folder / "data", **chosen))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", app
    finally:
        server.should_exit = True
        await serving


def narrow(url: str) -> socket.socket:
    """Open a connection that holds little."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = url.removeprefix("http://").partition(":")
    small.connect((host, int(port)))
    return small
