"""Our stores as contenders, in a namespace of this run alone."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from holdfast.benchmarking.contender import Call, Contender, Entrant, Kept
from holdfast.benchmarking.failures import noting
from holdfast.benchmarking.work import (
    APPEND,
    CHANGE,
    COUNT,
    FILE,
    INCREMENT,
    LIST,
    LISTED,
    MEMORY,
    READ,
    RECALL,
    RECALLED,
    RENEW,
    SERVER,
    messages,
)
from holdfast.change import Change
from holdfast.keyring import Keyring
from holdfast.opening import REDIS_SCHEMES, open_store
from holdfast.session import Counter, Session
from holdfast.store import SessionStore

MOST_SESSIONS = 1_000_000
SLICE = 256
PATIENCE = 60.0


class Visit(Session):
    """What the sessions of a run hold."""

    topic: str = ""
    visits: Counter = 0


class OwnStore:
    """One of our stores."""

    def __init__(self, store: SessionStore[Visit], *, durable: str) -> None:
        self._store = store
        self._durable = durable
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            CHANGE: self._change,
            INCREMENT: self._increment,
            APPEND: self._append,
            RECALL: self._recall,
            RENEW: self._renew,
            LIST: self._list,
            COUNT: self._count,
        }

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Create these sessions, many at a time."""
        for first in range(0, len(session_ids), SLICE):
            chosen = session_ids[first : first + SLICE]
            await asyncio.gather(*(self._create(session_id) for session_id in chosen))

    async def fill(self, sessions: int) -> None:
        """Create this many."""
        await self.begin([f"filled-{number}" for number in range(sessions)])
        found = await self._store.count_active()
        if found != sessions:
            raise ValueError(f"this store keeps {found:,} of {sessions:,} sessions")

    async def kept(self, session_id: str) -> Kept:
        """Count what is in a session."""
        session = await self._store.get(session_id)
        length = (await self._store.read_log(session_id, limit=1)).length
        return Kept(length // 2, session.visits if session else 0)

    async def settings(self) -> str:
        """Say when a write is durable."""
        return self._durable

    async def leave(self) -> None:
        """Delete all that this run created."""
        while sessions := (await self._store.list_active(limit=1000)).sessions:
            await self._store.delete_batch([session.session_id for session in sessions])

    async def _create(self, session_id: str) -> Visit:
        return await self._store.create(session_id, user_id="user", topic="none yet")

    async def _read(self, session_id: str, number: int) -> bool:
        return await self._store.get(session_id) is not None

    async def _change(self, session_id: str, number: int) -> bool:
        await self._store.apply(session_id, Change(set={"topic": f"topic {number}"}))
        return True

    async def _increment(self, session_id: str, number: int) -> bool:
        await self._store.increment_counter(session_id, "visits")
        return True

    async def _append(self, session_id: str, number: int) -> bool:
        await self._store.append(session_id, *messages(number))
        return True

    async def _recall(self, session_id: str, number: int) -> bool:
        last = await self._store.append(session_id, *messages(number))
        after = max(0, last - RECALLED)
        await self._store.items(session_id, after=after, limit=RECALLED)
        return True

    async def _renew(self, session_id: str, number: int) -> bool:
        renewed = f"renewed-{number}"
        await self._create(renewed)
        return await self._store.delete(renewed)

    async def _list(self, session_id: str, number: int) -> bool:
        page = await self._store.list_active(limit=LISTED)
        return len(page.sessions) == LISTED

    async def _count(self, session_id: str, number: int) -> bool:
        return await self._store.count_active() > 0


def entrants(urls: Sequence[str]) -> list[Entrant]:
    """Name the stores of some URLs, or memory and an SQLite file of this run without any."""
    if not urls:
        return [_entrant("holdfast memory", None, MEMORY), _entrant("holdfast sqlite", None, FILE)]
    kinds = [url.partition(":")[0] for url in urls]
    return [
        _entrant(
            f"holdfast {kind}" + (f" {number + 1}" if kinds.count(kind) > 1 else ""),
            url,
            _medium(url),
        )
        for number, (kind, url) in enumerate(zip(kinds, urls, strict=True))
    ]


def on_a_server(url: str) -> bool:
    """Say whether a URL names a store in Redis."""
    return REDIS_SCHEMES.match(url) is not None


def _medium(url: str) -> str:
    if on_a_server(url):
        return SERVER
    return MEMORY if url.startswith("memory:") else FILE


def _entrant(name: str, url: str | None, medium: str) -> Entrant:
    @asynccontextmanager
    async def open_in(folder: Path) -> AsyncGenerator[Contender]:
        own = f"memory://?max_sessions={MOST_SESSIONS}"
        if medium == FILE:
            own = f"sqlite:///{quote(str(folder / 'holdfast.db'))}"
        store = open_store(
            url or own,
            model=Visit,
            keys=Keyring.generate(),
            namespace=f"bench-{secrets.token_hex(8)}",
            ttl=3600,
            max_items=1_000_000,
            # A machine that is busy with all of them may stand still for a while.
            deadline=PATIENCE,
        )
        async with store:
            contender = OwnStore(store, durable=_durable(medium, url))
            try:
                yield contender
            finally:
                if url is not None:
                    # What cannot be deleted expires; the figures are there all the same.
                    with noting({}, f"{name}: delete what it created"):
                        await contender.leave()

    return Entrant(name, medium, None, open_in)


def _durable(medium: str, url: str | None) -> str:
    if medium == MEMORY:
        return "sealed; nothing outlives the process"
    if medium == SERVER:
        return "sealed; as the server keeps it"
    if url is not None and "?" in url:
        return f"sealed; settings of the URL: {url.partition('?')[2]}"
    return "sealed; journal_mode=wal, synchronous=2 (the store's own setting)"
