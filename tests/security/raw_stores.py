"""What somebody does who can write into a store: past every check, into its raw data."""

import sqlite3
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import redis

from holdfast import SessionStore
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.memory.space import Entry
from holdfast.backends.sqlite.packing import pack_values, unpack_values

NAMESPACE: Final = "default"


@dataclass(frozen=True)
class Raw:
    """All ciphertext of one session: values by their tags, items in order, the draft."""

    values: dict[bytes, bytes]
    items: tuple[bytes, ...]
    draft: bytes


class RawStore(Protocol):
    """Reads and writes ciphertext where the store keeps it."""

    def read(self, session_id: str) -> Raw: ...

    def write(self, session_id: str, raw: Raw) -> None: ...


class RawMemory:
    """The dictionaries of the memory store."""

    def __init__(self, store: SessionStore[Any]) -> None:
        self._backend = cast(MemoryBackend, store.backend)

    def _entry(self, session_id: str) -> Entry:
        entry = self._backend._find(f"{NAMESPACE}/{session_id}")
        assert entry is not None
        return entry

    def read(self, session_id: str) -> Raw:
        entry = self._entry(session_id)
        items = tuple(item.sealed for item in entry.items)
        return Raw(dict(entry.record.values), items, entry.draft)

    def write(self, session_id: str, raw: Raw) -> None:
        entry = self._entry(session_id)
        entry.record = entry.record._replace(values=dict(raw.values))
        pairs = zip(list(entry.items), raw.items, strict=True)
        entry.items.clear()
        entry.items.extend(item._replace(sealed=sealed) for item, sealed in pairs)
        entry.draft = raw.draft


class RawFile:
    """The tables of a SQLite file; each item stands in a row of its own here."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, session_id: str) -> Raw:
        with closing(sqlite3.connect(self._path)) as file:
            number, sealed = file.execute(
                "SELECT id, sealed FROM sessions WHERE key = ?", (f"{NAMESPACE}/{session_id}",)
            ).fetchone()
            items = file.execute(
                "SELECT sealed FROM stretches WHERE session = ? ORDER BY last", (number,)
            ).fetchall()
            draft = file.execute(
                "SELECT sealed FROM drafts WHERE session = ?", (number,)
            ).fetchone()
        return Raw(dict(unpack_values(sealed)), tuple(item for (item,) in items), draft[0])

    def write(self, session_id: str, raw: Raw) -> None:
        with closing(sqlite3.connect(self._path)) as file, file:
            (number,) = file.execute(
                "SELECT id FROM sessions WHERE key = ?", (f"{NAMESPACE}/{session_id}",)
            ).fetchone()
            file.execute(
                "UPDATE sessions SET sealed = ? WHERE id = ?", (pack_values(raw.values), number)
            )
            for last, item in enumerate(raw.items, start=1):
                file.execute(
                    "UPDATE stretches SET sealed = ?, lengths = ? WHERE session = ? AND last = ?",
                    (item, str(len(item)), number, last),
                )
            file.execute("UPDATE drafts SET sealed = ? WHERE session = ?", (raw.draft, number))


class RawRedis:
    """The hash, the list and the string of a session in Redis."""

    # Number and time of an item, the length of its place, the change id.
    _BEFORE: Final = 28

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def _key(self, kind: str, session_id: str) -> str:
        return f"hf:{{0}}:{kind}:{NAMESPACE}/{session_id}"

    def read(self, session_id: str) -> Raw:
        fields = _now(self._client.hgetall(self._key("s", session_id)))
        items = _now(self._client.lrange(self._key("i", session_id), 0, -1))
        draft = _now(self._client.get(self._key("r", session_id)))
        values = {tag: sealed for tag, sealed in fields.items() if tag != b"m"}
        return Raw(values, tuple(item[self._BEFORE :] for item in items), draft)

    def write(self, session_id: str, raw: Raw) -> None:
        key, log = self._key("s", session_id), self._key("i", session_id)
        gone = [tag for tag in self.read(session_id).values if tag not in raw.values]
        if gone:
            self._client.hdel(key, *gone)
        self._client.hset(key, mapping=cast(Any, raw.values))
        for index, sealed in enumerate(raw.items):
            before = _now(self._client.lindex(log, index))[: self._BEFORE]
            self._client.lset(log, index, before + sealed)
        self._client.set(self._key("r", session_id), raw.draft)


def _now(answer: Awaitable[Any] | Any) -> Any:
    """Take an answer of the plain client for what it is."""
    return answer


@asynccontextmanager
async def raw_of(url: str, store: SessionStore[Any]) -> AsyncGenerator[RawStore]:
    """Reach behind an open store."""
    if url.startswith("memory:"):
        yield RawMemory(store)
    elif url.startswith("sqlite:"):
        yield RawFile(url.removeprefix("sqlite:///"))
    else:
        with closing(redis.Redis.from_url(url)) as client:
            yield RawRedis(client)
