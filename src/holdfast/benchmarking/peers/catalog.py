"""Which peers there are, and which of their packages are missing here."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from holdfast.benchmarking.contender import Entrant
from holdfast.benchmarking.peers import (
    adk,
    aiosqlite_driver,
    openai_agents,
    pydantic_ai_memory,
    starsessions_memory,
)
from holdfast.benchmarking.work import FILE, MEMORY

OPENAI_SQLITE: Final = "openai-agents SQLiteSession"
ADK_DATABASE: Final = "google-adk DatabaseSessionService"

PEERS: Final[tuple[Entrant, ...]] = (
    Entrant("aiosqlite, plain driver", FILE, "aiosqlite", aiosqlite_driver.open_in),
    Entrant(OPENAI_SQLITE, FILE, "openai-agents", openai_agents.open_sqlite),
    Entrant(
        "openai-agents SQLAlchemySession", FILE, "openai-agents", openai_agents.open_sqlalchemy
    ),
    Entrant(ADK_DATABASE, FILE, "google-adk", adk.open_database),
    Entrant("google-adk InMemorySessionService", MEMORY, "google-adk", adk.open_memory),
    Entrant("starsessions InMemoryStore", MEMORY, "starsessions", starsessions_memory.open_in),
    Entrant(
        "pydantic-ai InMemoryConversationStore",
        MEMORY,
        "pydantic-ai-slim",
        pydantic_ai_memory.open_in,
    ),
)


def installed(package: str) -> str | None:
    """Give the version of a package that is installed here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
