"""Which peers there are, and which of their packages are missing here."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from secrets import token_hex
from typing import Final

from holdfast.benchmarking.contender import Contender, Entrant
from holdfast.benchmarking.peers import (
    adk,
    aiosqlite_driver,
    openai_agents,
    pydantic_ai_memory,
    redis_driver,
    star_sessions,
)
from holdfast.benchmarking.peers.redis_clients import plain_url
from holdfast.benchmarking.work import FILE, MEMORY, SERVER

OPENAI_SQLITE: Final = "openai-agents SQLiteSession"
OPENAI_REDIS: Final = "openai-agents RedisSession"
ADK_DATABASE: Final = "google-adk DatabaseSessionService"
ADK_REDIS: Final = "google-adk-redis RedisMemorySessionService"
STARSESSIONS_REDIS: Final = "starsessions RedisStore"

PEERS: Final[tuple[Entrant, ...]] = (
    Entrant("aiosqlite, plain driver", FILE, "aiosqlite", aiosqlite_driver.open_in),
    Entrant(OPENAI_SQLITE, FILE, "openai-agents", openai_agents.open_sqlite),
    Entrant(
        "openai-agents SQLAlchemySession", FILE, "openai-agents", openai_agents.open_sqlalchemy
    ),
    Entrant(ADK_DATABASE, FILE, "google-adk", adk.open_database),
    Entrant("google-adk InMemorySessionService", MEMORY, "google-adk", adk.open_memory),
    Entrant("starsessions InMemoryStore", MEMORY, "starsessions", star_sessions.open_memory),
    Entrant(
        "pydantic-ai InMemoryConversationStore",
        MEMORY,
        "pydantic-ai-slim",
        pydantic_ai_memory.open_in,
    ),
)

# Opens a store of somebody else's on a Redis server, with a prefix for all its keys.
OpenAt = Callable[[str, str, Path], AbstractAsyncContextManager[Contender]]
ON_REDIS: Final[tuple[tuple[str, str, OpenAt], ...]] = (
    ("redis.asyncio, plain driver", "redis", redis_driver.open_at),
    (OPENAI_REDIS, "openai-agents", openai_agents.open_redis),
    (ADK_REDIS, "google-adk-redis", adk.open_redis),
    (STARSESSIONS_REDIS, "starsessions", star_sessions.open_redis),
)


def peers(*, redis: str | None) -> list[Entrant]:
    """Name them all; those on Redis only where there is a server, named by a URL of ours."""
    url = None if redis is None else plain_url(redis)
    if url is None:
        return list(PEERS)
    prefix = f"bench-{token_hex(8)}"
    on_redis = [
        Entrant(name, SERVER, package, partial(opened, url, f"{prefix}-{number}"))
        for number, (name, package, opened) in enumerate(ON_REDIS)
    ]
    return [*PEERS, *on_redis]


def installed(package: str) -> str | None:
    """Give the version of a package that is installed here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
