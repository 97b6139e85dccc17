"""Whoever waits for a lease stands in line, and leaves it when there is no more waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager

import pytest

from holdfast import LeaseUnavailable, SessionNotFound
from holdfast.backend import Acquire, Operation, Release
from holdfast.backends.memory import MemoryBackend
from holdfast.bells import Bell
from holdfast.testing.store_steps import ID, Shared, Store
from tests.faulty import Fault, Faulty, store_on


class Lined(Faulty):
    """Keeps who asked for the lease, who stood in line, and who left."""

    def __init__(self) -> None:
        super().__init__(MemoryBackend(), plan=self._note)
        self.asked: list[Acquire] = []
        self.released: list[str] = []
        self.lined: list[str] = []

    def _note(self, operation: Operation) -> Fault:
        if isinstance(operation, Acquire):
            self.asked.append(operation)
        elif isinstance(operation, Release):
            self.released.append(operation.token)
        return "none"

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        self.lined.append(token)
        return super().line_up(key, token)


@pytest.fixture
async def backend() -> AsyncIterator[Lined]:
    async with Lined() as backend:
        yield backend


@pytest.fixture
async def store(backend: Lined) -> AsyncIterator[Store]:
    async with store_on(Shared(backend)) as store:
        await store.create(ID)
        yield store


async def test_only_those_who_wait_stand_in_line(store: Store, backend: Lined) -> None:
    """Neither a thief nor who wants it now or never."""
    async with store.lease(ID, wait=1):
        pass
    async with store.lease(ID, wait=0):
        pass
    async with store.lease(ID, wait=1, steal=True):
        pass
    assert [asked.waits for asked in backend.asked] == [True, False, False]
    assert backend.lined == [asked.token for asked in backend.asked]


async def test_whoever_gives_up_leaves_the_line(store: Store, backend: Lined) -> None:
    """What it waited for has not come."""
    async with store.lease(ID, wait=1), store_on(Shared(backend)) as other:
        with pytest.raises(LeaseUnavailable):
            async with other.lease(ID, wait=0.01):
                raise AssertionError
        await other.leases.drain()
        assert backend.released == [backend.asked[-1].token]


async def test_whoever_is_cancelled_leaves_the_line(store: Store, backend: Lined) -> None:
    """However long it would have waited."""
    async with store.lease(ID, wait=1), store_on(Shared(backend)) as other:
        waiting = asyncio.create_task(other.leases.acquire(ID, ttl=10, wait=60))
        while len(backend.asked) < 2:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await other.leases.drain()
        assert backend.released == [backend.asked[-1].token]


async def test_whoever_never_stood_in_line_leaves_none(store: Store, backend: Lined) -> None:
    """No release is sent for nothing."""
    async with store.lease(ID, wait=1), store_on(Shared(backend)) as other:
        with pytest.raises(LeaseUnavailable):
            await other.leases.acquire(ID, ttl=10, wait=0)
        with pytest.raises(SessionNotFound):
            await other.leases.acquire("nobody", ttl=10, wait=1)
        await other.leases.drain()
        assert backend.released == []
