"""The floor on Redis: the plain client, one command a call, nothing sealed, no revisions."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from json import dumps
from pathlib import Path
from typing import Any, Final

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.peers import redis_clients
from holdfast.benchmarking.work import (
    APPEND,
    CHANGE,
    INCREMENT,
    READ,
    RECALL,
    RECALLED,
    RENEW,
    messages,
)

# As much as a session of ours takes when it is sealed.
VALUE: Final = b"x" * 512


class PlainRedis:
    """A value of 512 bytes, a counter and a list for each session, under a prefix of this run."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._begun: set[str] = set()
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            CHANGE: self._change,
            INCREMENT: self._increment,
            APPEND: self._append,
            RECALL: self._recall,
            RENEW: self._renew,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Set these values."""
        for session_id in session_ids:
            self._begun.add(session_id)
            await self._change(session_id, 0)

    async def fill(self, sessions: int) -> None:
        """Do nothing: they cannot be listed."""

    async def kept(self, session_id: str) -> Kept:
        """Count what is in the list, and look at the counter."""
        items = await self._client.llen(self._key("items", session_id))
        counter = await self._client.get(self._key("visits", session_id))
        return Kept(items // 2, int(counter or 0))

    async def settings(self) -> str:
        """Ask the server."""
        return await redis_clients.settings(self._client)

    async def leave(self) -> None:
        """Delete what this run has set."""
        for session_id in self._begun:
            keys = (self._key(kind, session_id) for kind in ("value", "visits", "items"))
            await self._client.delete(*keys)

    def _key(self, kind: str, session_id: str) -> str:
        return f"{self._prefix}:{kind}:{session_id}"

    async def _read(self, session_id: str, number: int) -> bool:
        return bool(await self._client.get(self._key("value", session_id)))

    async def _change(self, session_id: str, number: int) -> bool:
        key = self._key("value", session_id)
        return bool(await self._client.set(key, VALUE, ex=redis_clients.LIFETIME))

    async def _increment(self, session_id: str, number: int) -> bool:
        await self._client.incr(self._key("visits", session_id))
        return True

    async def _append(self, session_id: str, number: int) -> bool:
        await self._client.rpush(self._key("items", session_id), *map(dumps, messages(number)))
        return True

    async def _recall(self, session_id: str, number: int) -> bool:
        await self._append(session_id, number)
        await self._client.lrange(self._key("items", session_id), -RECALLED, -1)
        return True

    async def _renew(self, session_id: str, number: int) -> bool:
        renewed = f"{session_id}-renewed-{number}"
        await self._change(renewed, number)
        return bool(await self._client.delete(self._key("value", renewed)))


@asynccontextmanager
async def open_at(url: str, prefix: str, _: Path) -> AsyncGenerator[Contender]:
    """Open the client."""
    async with redis_clients.client(url) as client:
        contender = PlainRedis(client, prefix)
        try:
            yield contender
        finally:
            await contender.leave()
