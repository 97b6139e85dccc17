"""What the tests of a store are made of: a model, stores of it, and ways to see all there is."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from holdfast.backend import Backend, Found, Read, Record
from holdfast.change import Item
from holdfast.clock import Clock
from holdfast.keyring import Keyring
from holdfast.session import Counter, Counters, Flag, Session, SessionFilter
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.steps import ask

NAMESPACE: Final = "conformance"
ID: Final = "alpha"
OTHER: Final = "beta"
SOON: Final = 5.0
ROUNDS: Final = 4
FIRST, SECOND, THIRD = (sha256(word).digest() for word in (b"first", b"second", b"third"))
KEYS: Final = Keyring([("first", FIRST)])
NEWER_KEYS: Final = Keyring([("second", SECOND), ("first", FIRST)])
ONLY_NEWER: Final = Keyring([("second", SECOND)])
OTHER_KEYS: Final = Keyring([("first", THIRD)])

T = TypeVar("T")


class Profile(BaseModel):
    """A nested value."""

    model_config = ConfigDict(frozen=True)

    name: str
    languages: list[str] = Field(default_factory=list)


class Account(Session):
    """A model with everything that can be declared."""

    topic: str | None = None
    tags: list[str] = Field(default_factory=list)
    profile: Profile | None = None
    visits: Counter = 0
    places: Counter = Field(default=0, le=10)
    message_count: Counter = 0
    escalated: Flag = False
    answered: Flag = False
    bought: Counters = Field(default_factory=dict)


Store: TypeAlias = SessionStore[Account]
OpenBackend: TypeAlias = Callable[[Clock], AbstractAsyncContextManager[Backend]]


class Shared:
    """A backend that several stores use, and that none of them opens or closes."""

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self.answers_can_be_lost = backend.answers_can_be_lost
        self.part_of = backend.part_of
        self.execute = backend.execute
        self.listen = backend.listen
        self.line_up = backend.line_up
        self.events = backend.events
        self.statistics = backend.statistics

    async def __aenter__(self) -> "Shared":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None


class Stores:
    """Opens stores on one backend, as the processes of a service do."""

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Clock,
        make: Callable[..., Store],
        stack: AsyncExitStack,
    ) -> None:
        self.backend = backend
        self._clock = clock
        self._make = make
        self._stack = stack

    async def open(
        self,
        *,
        keys: Keyring = KEYS,
        namespace: str = NAMESPACE,
        model: type[Any] = Account,
        **terms: Any,
    ) -> Store:
        """Open a store; it is closed when the test ends."""
        store = self._make(
            Shared(self.backend),
            model=model,
            keys=keys,
            terms=Terms(namespace=namespace, **terms),
            clock=self._clock,
        )
        return await self._stack.enter_async_context(store)

    async def record(self, session_id: str = ID, *, namespace: str = NAMESPACE) -> Record:
        """Look at what the backend keeps of a session."""
        outcome = await self.backend.execute(Read(f"{namespace}/{session_id}"))
        assert isinstance(outcome, Found), outcome
        return outcome.record


@asynccontextmanager
async def stores_on(
    opening: AbstractAsyncContextManager[Backend], *, clock: Clock, make: Callable[..., Store]
) -> AsyncGenerator[Stores]:
    """Open a backend for stores; at the end none of their tasks is left."""
    async with opening as backend, AsyncExitStack() as stack:
        yield Stores(backend, clock=clock, make=make, stack=stack)
    left = [task.get_name() for task in asyncio.all_tasks()]
    assert [name for name in left if name.startswith("holdfast")] == []


class Sight(NamedTuple):
    """All that can be seen of a session and its neighbours."""

    session: Account | None
    log: list[Item]
    sessions: int


async def look(store: Store, session_id: str = ID) -> Sight:
    """See everything."""
    session = await store.get(session_id)
    log = [] if session is None else await store.items(session_id, limit=1000)
    return Sight(session, log, await store.count_active())


@asynccontextmanager
async def unchanged(store: Store, session_id: str = ID) -> AsyncGenerator[None]:
    """Fail unless everything is, after the block, exactly as it was before."""
    before = await look(store, session_id)
    yield
    assert await look(store, session_id) == before, "a refused call left a trace"


async def present(store: Store, session_id: str = ID) -> Account:
    """Read a session that is there."""
    session = await store.get(session_id)
    assert session is not None, f"{session_id} is absent"
    return session


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Make many calls at once."""
    return list(await asyncio.gather(*calls))


async def eventually_ends(watcher: AsyncIterator[int]) -> list[int]:
    """Read a watch to its end, which comes soon."""
    async with asyncio.timeout(SOON):
        return [revision async for revision in watcher]


async def every_page(
    store: Store, *, limit: int = 100, filter: SessionFilter | None = None
) -> list[Account]:
    """Walk through a listing page by page."""
    sessions: list[Account] = []
    cursor: str | None = None
    while True:
        page = await store.list_active(filter=filter, limit=limit, cursor=cursor)
        assert len(page.sessions) <= limit
        sessions += page.sessions
        cursor = page.next_cursor
        if cursor is None:
            return sessions


def plain(session: Account) -> Mapping[str, Any]:
    """Dump what users wrote into a session."""
    return session.model_dump(
        include={"user_id", "metadata", "topic", "tags", "profile", "visits", "escalated"}
    )


__all__ = [
    "ID", "KEYS", "NAMESPACE", "NEWER_KEYS", "OTHER", "OTHER_KEYS", "ROUNDS", "SOON", "Account",
    "OpenBackend", "Profile", "Shared", "Sight", "Store", "Stores", "ask", "eventually_ends",
    "every_page", "look", "plain", "present", "stores_on", "together", "unchanged",
]  # fmt: skip
