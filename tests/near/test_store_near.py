"""A store with a near cache answers from it until a session moves, and its own writes at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import pytest

from holdfast import Change, Session, SessionStore, StoreUnavailable
from holdfast.backend import Operation, Outcome
from holdfast.backends.memory import MemoryBackend
from holdfast.near_cache import NearCache
from holdfast.terms import Terms
from holdfast.testing.store_steps import ID, KEYS, NAMESPACE, Account, Shared, present
from tests.faulty import Faulty

Near = NearCache[Account]


def hearing_cache() -> Near:
    """Give a cache that hears from its store all the time."""
    near: Near = NearCache(100)
    near.store_time(time.time_ns() // 1000, sent_at=time.monotonic())
    near.alive_until(time.monotonic() + 3600)
    return near


def store_near(backend: Any, near: Near | None) -> SessionStore[Account]:
    terms = Terms(namespace=NAMESPACE)
    return SessionStore(backend, model=Account, keys=KEYS, terms=terms, near_cache=near)


@pytest.fixture
async def backend() -> AsyncIterator[Faulty]:
    async with Faulty(MemoryBackend()) as faulty:
        yield faulty


@pytest.fixture
def near() -> Near:
    return hearing_cache()


@pytest.fixture
async def store(backend: Faulty, near: Near) -> AsyncIterator[SessionStore[Account]]:
    async with store_near(Shared(backend), near) as store:
        await store.create(ID, visits=0)
        yield store


@pytest.fixture
async def other(backend: Faulty) -> AsyncIterator[SessionStore[Account]]:
    async with store_near(Shared(backend), None) as other:
        yield other


Store = SessionStore[Account]


async def replace(store: Store) -> None:
    await store.set((await present(store)).model_copy(update={"topic": "new"}))


async def again(store: Store) -> None:
    await store.delete(ID)
    await store.create(ID)


OWN_WRITES: Final[dict[str, Callable[[Store], Awaitable[object]]]] = {
    "apply": lambda store: store.apply(ID, Change(add={"visits": 1})),
    "append": lambda store: store.append(ID, "item"),
    "touch": lambda store: store.touch(ID),
    "extend": lambda store: store.extend(ID, 60),
    "clear": lambda store: store.clear_items(ID),
    "set": replace,
    "delete and create": again,
}


class TestReading:
    """Reads of a session that has not moved do not reach the backend."""

    async def test_the_second_read_is_answered_from_near(
        self, store: Store, backend: Faulty
    ) -> None:
        """With the very snapshot of the first."""
        first = await store.get(ID)
        assert await store.get(ID) is first
        assert backend.sent["read"] == 1
        statistics = (await store.get_stats()).near_cache
        assert (statistics["hits"], statistics["misses"], statistics["entries"]) == (1, 1, 1)

    async def test_a_fresh_read_passes_it_by(
        self, store: Store, other: Store, backend: Faulty
    ) -> None:
        """And so do those that a change is decided on."""
        await present(store)
        await other.update(ID, topic="moved")
        found = await store.get(ID, fresh=True)
        assert found is not None
        assert found.topic == "moved"
        seen: list[int] = []

        def decide(session: Account) -> Change:
            seen.append(session.visits)
            return Change(add={"visits": 1})

        await other.increment_counter(ID, "visits")
        assert (await store.transact(ID, decide)).counters["visits"] == 2
        assert seen == [1]

    async def test_what_has_moved_is_read_again(
        self, store: Store, other: Store, near: Near
    ) -> None:
        """As soon as the backend says so; until then the old snapshot is answered."""
        await present(store)
        await other.update(ID, topic="moved")
        assert (await present(store)).topic is None
        near.forget(ID)
        assert (await present(store)).topic == "moved"

    async def test_an_absent_session_is_asked_for_each_time(
        self, store: Store, other: Store
    ) -> None:
        """That there is none is never kept."""
        assert await store.get("later") is None
        await other.create("later")
        assert await store.get("later") is not None

    async def test_a_large_session_is_not_kept(self, store: Store, backend: Faulty) -> None:
        """A cache of many entries stays small."""
        await store.update(ID, large="x" * 20_000)
        for reads in (1, 2):
            await present(store)
            assert backend.sent["read"] == reads


class TestWriting:
    """Nobody reads what was there before a write of this process."""

    @pytest.mark.parametrize("write", OWN_WRITES.values(), ids=OWN_WRITES.keys())
    async def test_an_own_write_is_read_at_once(
        self, store: Store, other: Store, write: Callable[[Store], Awaitable[object]]
    ) -> None:
        """Whatever it does, the next read is the session as it left it."""
        await present(store)
        await write(store)
        assert await store.get(ID) == await other.get(ID)

    @pytest.mark.parametrize("write", OWN_WRITES.values(), ids=OWN_WRITES.keys())
    async def test_what_is_read_beside_a_write_is_not_kept(
        self, store: Store, near: Near, backend: Faulty,
        write: Callable[[Store], Awaitable[object]],
    ) -> None:  # fmt: skip
        """A read that the write overtakes fills nothing."""
        gate = Gate(backend)
        async with store_near(gate, near) as slow:
            reading = asyncio.create_task(slow.get(ID))
            await gate.reached.wait()
            await write(store)
            gate.opened.set()
            await reading
        assert len(near) == 0

    async def test_a_write_of_unknown_fate_is_read_again(
        self, store: Store, backend: Faulty
    ) -> None:
        """It may have been applied."""
        await present(store)
        backend.plan = lambda _: "lose_answer"
        with pytest.raises(StoreUnavailable):
            await store.update(ID, topic="moved")
        backend.plan = lambda _: "none"
        assert (await present(store)).topic == "moved"


class Gate(Shared):
    """Answers reads, and keeps the answers back until it is opened."""

    def __init__(self, backend: Any) -> None:
        super().__init__(backend)
        self._answer = backend.execute
        self.execute = self._held
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def _held(self, operation: Operation) -> Outcome:
        outcome: Outcome = await self._answer(operation)
        self.reached.set()
        await self.opened.wait()
        return outcome


async def test_without_a_near_cache_nothing_is_counted() -> None:
    """The statistics say that there is none."""
    async with SessionStore(MemoryBackend(), model=Session, keys=KEYS) as plain:
        assert (await plain.get_stats()).near_cache == {}
