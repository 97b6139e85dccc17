"""Observers are told of every operation, how it went and how long it took."""

import asyncio
from typing import Any, NamedTuple

import pytest

from holdfast import (
    Change,
    InMemorySessionStore,
    InvalidSession,
    LeaseUnavailable,
    Observer,
    StoreUnavailable,
)
from holdfast.backend import Count, Found, Read, Touch
from holdfast.backends.memory import MemoryBackend
from holdfast.observed import Observed
from holdfast.retrying import Resilient
from holdfast.testing.steps import KEY, apply, change, create
from tests.faulty import faulty_memory


class Told(NamedTuple):
    """What an observer heard."""

    event: str
    facts: dict[str, Any]


class Listener(Observer):
    """Hears everything."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def operation_finished(self, **facts: Any) -> None:
        self.told.append(Told("finished", facts))

    def operation_retried(self, **facts: Any) -> None:
        self.told.append(Told("retried", facts))

    def breaker_moved(self, **facts: Any) -> None:
        self.told.append(Told("moved", facts))

    def lease_waited(self, **facts: Any) -> None:
        self.told.append(Told("waited", facts))

    def of(self, event: str, *names: str) -> list[tuple[Any, ...]]:
        """Give these facts of all events of a kind."""
        return [
            tuple(told.facts[name] for name in names) for told in self.told if told.event == event
        ]


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def test_every_answer_is_told(listener: Listener) -> None:
    """Its operation, its store, and whether it was fine, absent or refused."""
    observer: Observer = listener
    async with Observed(MemoryBackend(), [observer, observer]) as backend:
        await backend.execute(Read(KEY))
        await create(backend)
        assert isinstance(await backend.execute(Touch(KEY)), Found)
        await backend.execute(change(expect_revision=9))
        await backend.execute(Count("conformance"))
    statuses = listener.of("finished", "operation", "store", "status")
    assert statuses[::2] == statuses[1::2]
    assert statuses[::2] == [
        ("read", "memory", "absent"),
        ("create", "memory", "ok"),
        ("touch", "memory", "ok"),
        ("apply", "memory", "refused"),
        ("count", "memory", "ok"),
    ]
    assert all(0 <= seconds < 1 for (seconds,) in listener.of("finished", "seconds"))


async def test_failures_and_cancellations_are_told(listener: Listener) -> None:
    """And reach the caller as they are."""
    async with Observed(faulty_memory(plan=lambda _: "refuse"), [listener]) as away:
        with pytest.raises(StoreUnavailable):
            await away.execute(Read(KEY))
    async with Observed(faulty_memory(plan=lambda _: "freeze"), [listener]) as frozen:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await frozen.execute(Read(KEY))
        with pytest.raises(AttributeError):
            await Observed(MemoryBackend(), [listener]).execute("no operation")  # type: ignore[arg-type]
    assert listener.of("finished", "status")[:2] == [("unavailable",), ("cancelled",)]
    [(seconds,)] = listener.of("finished", "seconds")[1:2]
    assert seconds >= 0.02


async def test_an_observed_backend_is_the_backend_itself(listener: Listener) -> None:
    """Name, statistics and bells are passed on."""
    async with Observed(faulty_memory(), [listener]) as backend:
        assert (backend.name, backend.answers_can_be_lost) == ("faulty", True)
        await create(backend)
        with backend.listen(KEY) as bell:
            await apply(backend)
            assert await bell.rung(1)
        assert backend.statistics()["kept_sessions"] == 1


async def test_the_breaker_s_moves_are_told(listener: Listener) -> None:
    """With the store they concern."""
    async with faulty_memory(plan=lambda _: "refuse") as faulty:
        backend = Resilient(faulty, deadline=5, observers=[listener], jitter=lambda: 0.0)
        calls = (backend.execute(Read(KEY)) for _ in range(20))
        await asyncio.gather(*calls, return_exceptions=True)
    assert listener.of("moved", "store", "state") == [("faulty", "open")]
    assert set(listener.of("retried", "operation", "store")) == {("read", "faulty")}


async def test_a_store_tells_of_its_operations_and_leases(listener: Listener) -> None:
    """As users open it; whoever waited in vain is told as well."""
    async with InMemorySessionStore(observers=[listener]) as store:
        await store.create("a")
        async with store.lease("a"):

            async def attempt() -> bool:
                async with store.lease("a", wait=0.05):
                    return True

            with pytest.raises(LeaseUnavailable):
                await asyncio.create_task(attempt())
        with pytest.raises(InvalidSession, match="nobody"):
            await store.apply("a", Change(add={"nobody": 1}))
    waited = listener.of("waited", "store", "granted")
    assert waited == [("memory", True), ("memory", False)]
    [(_,), (seconds,)] = listener.of("waited", "seconds")
    assert seconds >= 0.05
    assert ("create", "ok") in listener.of("finished", "operation", "status")
