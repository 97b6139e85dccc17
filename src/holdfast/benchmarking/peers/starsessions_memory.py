"""starsessions: a dictionary a session, read and written whole; its in-memory store."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.work import CHANGE, INCREMENT, READ, RENEW, SPLIT_INCREMENT

LIFETIME: Final = 3600


class StarSessions:
    """The store, used as its middleware uses it: load, alter, save."""

    def __init__(self, store: Any, serializer: Any) -> None:
        self._store = store
        self._serializer = serializer
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            CHANGE: self._change,
            INCREMENT: self._increment,
            SPLIT_INCREMENT: self._split_increment,
            RENEW: self._renew,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Save these sessions."""
        for session_id in session_ids:
            await self._save(session_id, {"user": "user", "topic": "none yet", "visits": 0})

    async def fill(self, sessions: int) -> None:
        """Do nothing: they cannot be listed."""

    async def kept(self, session_id: str) -> Kept:
        """Look at the counter."""
        return Kept(counter=(await self._load(session_id))["visits"])

    async def settings(self) -> str:
        """Say when a write is durable."""
        return "nothing outlives the process"

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
        await self.begin([renewed])
        await self._store.remove(renewed)
        return True


@asynccontextmanager
async def open_in(_: Path) -> AsyncGenerator[Contender]:
    """Open the store with its JSON serializer."""
    store = import_module("starsessions").InMemoryStore()
    yield StarSessions(store, import_module("starsessions.serializers").JsonSerializer())
