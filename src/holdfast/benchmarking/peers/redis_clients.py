"""The clients that peers on Redis share, as an application would make them for all its sessions."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Final

# More connections than callers, so that nobody waits for one.
MOST_CONNECTIONS: Final = 512
LIFETIME: Final = 3600


@asynccontextmanager
async def client(url: str) -> AsyncGenerator[Any]:
    """Open the standard client, with its pool of connections."""
    made = import_module("redis.asyncio").Redis.from_url(url, max_connections=MOST_CONNECTIONS)
    try:
        yield made
    finally:
        await made.aclose()


async def settings(made: Any) -> str:
    """Say what the server answers, or that it does not."""
    exceptions = import_module("redis.exceptions")
    try:
        answers = await made.config_get("appendonly", "appendfsync")
    except exceptions.ResponseError:
        return "the server does not tell"
    if answers["appendonly"] == "no":
        return "appendonly=no (the server's setting: a crash of it loses writes)"
    return f"appendonly=yes, appendfsync={answers['appendfsync']} (the server's setting)"


def plain_url(url: str) -> str | None:
    """Say how other clients call a server that our URL names; None when it is not one server."""
    scheme, _, rest = url.partition("://")
    known = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
    if scheme not in known:
        return None
    return f"{known[scheme]}://{rest.partition('?')[0]}"
