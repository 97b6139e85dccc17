"""openai-agents: a log of messages a session; no state, no counters, no listing."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.peers import durable, redis_clients
from holdfast.benchmarking.work import APPEND, RECALL, RECALLED, RENEW, messages


class OpenAISessions:
    """Sessions of one class, an object for each, kept as long as the run."""

    def __init__(
        self, make: Callable[[str], Any], *, settings: Callable[[], Awaitable[str]]
    ) -> None:
        self._make = make
        self._settings = settings
        self.sessions: dict[str, Any] = {}
        self.calls: Mapping[str, Call] = {
            APPEND: self._append,
            RECALL: self._recall,
            RENEW: self._renew,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Make the objects, and the rows with a first message, which is taken out again."""
        for session_id in session_ids:
            self.sessions[session_id] = self._make(session_id)
            await self.sessions[session_id].add_items(messages(0)[:1])
            await self.sessions[session_id].pop_item()

    async def fill(self, sessions: int) -> None:
        """Do nothing: they cannot be listed."""

    async def kept(self, session_id: str) -> Kept:
        """Count the messages."""
        return Kept(turns=len(await self.sessions[session_id].get_items()) // 2)

    async def settings(self) -> str:
        """Say when a write is durable."""
        return await self._settings()

    async def _append(self, session_id: str, number: int) -> bool:
        await self.sessions[session_id].add_items(messages(number))
        return True

    async def _recall(self, session_id: str, number: int) -> bool:
        await self.sessions[session_id].add_items(messages(number))
        await self.sessions[session_id].get_items(limit=RECALLED)
        return True

    async def _renew(self, session_id: str, number: int) -> bool:
        # A session begins with its first message; the object is made before the run.
        session = self.sessions[session_id]
        await session.add_items(messages(number)[:1])
        await session.clear_session()
        return True


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncGenerator[Contender]:
    """Open `SQLiteSession` on a file, as its documentation does."""
    kind = import_module("agents").SQLiteSession
    path = folder / "openai.db"

    async def settings() -> str:
        return durable.settings_of_file(path)

    contender = OpenAISessions(lambda session_id: kind(session_id, path), settings=settings)
    try:
        yield contender
    finally:
        for session in contender.sessions.values():
            session.close()


@asynccontextmanager
async def open_sqlalchemy(folder: Path) -> AsyncGenerator[Contender]:
    """Open `SQLAlchemySession` on a file through aiosqlite."""
    kind = import_module("agents.extensions.memory.sqlalchemy_session").SQLAlchemySession
    engine = durable.engine(folder / "sqlalchemy.db")
    try:
        yield OpenAISessions(
            lambda session_id: kind(session_id, engine=engine, create_tables=True),
            settings=lambda: durable.settings(engine),
        )
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_redis(url: str, prefix: str, _: Path) -> AsyncGenerator[Contender]:
    """Open `RedisSession` for each session on one client, as an application with a client does."""
    kind = import_module("agents.extensions.memory.redis_session").RedisSession
    async with redis_clients.client(url) as client:
        contender = OpenAISessions(
            lambda session_id: kind(
                session_id, redis_client=client, key_prefix=prefix, ttl=redis_clients.LIFETIME
            ),
            settings=lambda: redis_clients.settings(client),
        )
        try:
            yield contender
        finally:
            for session in contender.sessions.values():
                await session.clear_session()
