"""starsessions: a dictionary a session, read and written whole; its stores."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.peers import redis_clients
from holdfast.benchmarking.work import CHANGE, INCREMENT, READ, RENEW, SPLIT_INCREMENT

LIFETIME: Final = 3600


class StarSessions:
    """A store, used as its middleware uses it: load, alter, save."""

    def __init__(self, store: Any, *, settings: Callable[[], Awaitable[str]]) -> None:
        self._store = store
        self._settings = settings
        self._serializer: Any = import_module("starsessions.serializers").JsonSerializer()
        self._begun: set[str] = set()
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            CHANGE: self._change,
            INCREMENT: self._increment,
            SPLIT_INCREMENT: self._split_increment,
            RENEW: self._renew,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Save these sessions."""
        self._begun.update(session_ids)
        for session_id in session_ids:
            await self._save(session_id, {"user": "user", "topic": "none yet", "visits": 0})

    async def fill(self, sessions: int) -> None:
        """Do nothing: they cannot be listed."""

    async def kept(self, session_id: str) -> Kept:
        """Look at the counter."""
        return Kept(counter=(await self._load(session_id))["visits"])

    async def settings(self) -> str:
        """Say when a write is durable."""
        return await self._settings()

    async def leave(self) -> None:
        """Remove the sessions of this run."""
        for session_id in self._begun:
            await self._store.remove(session_id)

    async def _load(self, session_id: str) -> dict[str, Any]:
        data = await self._store.read(session_id=session_id, lifetime=LIFETIME)
        loaded: dict[str, Any] = self._serializer.deserialize(data)
        return loaded

    async def _save(self, session_id: str, session: dict[str, Any]) -> None:
        data = self._serializer.serialize(session)
        await self._store.write(session_id=session_id, data=data, lifetime=LIFETIME, ttl=LIFETIME)

    async def _read(self, session_id: str, number: int) -> bool:
        return bool(await self._load(session_id))

    async def _change(self, session_id: str, number: int) -> bool:
        session = await self._load(session_id)
        await self._save(session_id, session | {"topic": f"topic {number}"})
        return True

    async def _increment(self, session_id: str, number: int) -> bool:
        session = await self._load(session_id)
        await self._save(session_id, session | {"visits": session["visits"] + 1})
        return True

    async def _split_increment(self, session_id: str, number: int) -> bool:
        session = await self._load(session_id)
        await asyncio.sleep(0)
        await self._save(session_id, session | {"visits": session["visits"] + 1})
        return True

    async def _renew(self, session_id: str, number: int) -> bool:
        renewed = f"{session_id}-renewed-{number}"
        await self._save(renewed, {"user": "user", "topic": "none yet", "visits": 0})
        await self._store.remove(renewed)
        return True


@asynccontextmanager
async def open_memory(_: Path) -> AsyncGenerator[Contender]:
    """Open the store that keeps sessions in this process, with its JSON serializer."""

    async def settings() -> str:
        return "nothing outlives the process"

    yield StarSessions(import_module("starsessions").InMemoryStore(), settings=settings)


@asynccontextmanager
async def open_redis(url: str, prefix: str, _: Path) -> AsyncGenerator[Contender]:
    """Open the store on a client, with its JSON serializer."""
    kind = import_module("starsessions.stores.redis").RedisStore
    async with redis_clients.client(url) as client:
        store = kind(connection=client, prefix=f"{prefix}:")
        contender = StarSessions(store, settings=lambda: redis_clients.settings(client))
        try:
            yield contender
        finally:
            await contender.leave()
