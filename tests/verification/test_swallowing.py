"""Answers that a proxy swallows, after a real server has done what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from holdfast import Change, Keyring, RevisionConflict, StoreUnavailable
from holdfast.testing.histories import CheckedSession
from holdfast.testing.histories.calls import Store
from holdfast.verification.networks import through
from holdfast.verification.opening import open_checked
from holdfast.verification.proxy import Proxy
from tests.redis_servers import HOST, RedisServer

KEYS = Keyring.generate()
NAMESPACE = "swallowing"
WRITES = b"EVALSHA\r\n"
ID = "s"


@asynccontextmanager
async def disturbed(server: RedisServer) -> AsyncIterator[tuple[Store, Proxy]]:
    """Open a store through a proxy, with one session in it."""
    async with Proxy((HOST, server.port)) as proxy:
        url = through(server.url(), proxy)
        async with open_checked(url, keys=KEYS, namespace=NAMESPACE) as store:
            await store.create(ID)
            # Once each, so that no script is loaded while answers are swallowed.
            await store.apply(ID, Change(set={"warm": True}))
            yield store, proxy


async def surely(store: Store, change: Change) -> int:
    """Apply a change with an id of its own until the answer arrives; give the counter."""
    while True:
        try:
            return (await store.apply(ID, change)).counters["visits"]
        except StoreUnavailable:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("every", range(1, 21))
async def test_every_increment_is_counted_exactly_once(
    every: int, redis_server: RedisServer
) -> None:
    """Whichever answer is swallowed: the first, every second, … every twentieth."""
    async with disturbed(redis_server) as (store, proxy):
        proxy.swallow_every(every, WRITES, times=3)
        changes = [Change(add={"visits": 1}, change_id=f"c{n}") for n in range(4 * every + 2)]
        given = [await surely(store, change) for change in changes]
        assert given == list(range(1, len(changes) + 1))
        found = await store.get(ID, fresh=True)
        assert found is not None
        assert (found.visits, found.revision) == (len(changes), len(changes) + 2)
        assert proxy.counts["swallowed"] == 3


async def test_increments_of_many_callers_are_counted_exactly_once(
    redis_server: RedisServer,
) -> None:
    """A cut takes the answers of all that were under way with it, and all are sent again."""
    async with disturbed(redis_server) as (store, proxy):
        proxy.swallow_every(30, WRITES, times=8)
        changes = [Change(add={"visits": 1}, change_id=f"c{n}") for n in range(400)]
        waiting = iter(changes)

        async def one_after_the_other() -> list[int]:
            return [await surely(store, change) for change in waiting]

        given = await asyncio.gather(*(one_after_the_other() for _ in range(16)))
        assert sorted(number for part in given for number in part) == list(range(1, 401))
        assert proxy.counts["swallowed"] == 8


Act = Callable[[Store, CheckedSession], Awaitable[Any]]


async def compare_and_set(store: Store, session: CheckedSession) -> None:
    change = Change(set={"a": 1}, expect_revision=session.revision)
    assert (await store.apply(ID, change)).revision == session.revision + 1


async def put_whole(store: Store, session: CheckedSession) -> None:
    assert (await store.set(session)).revision == session.revision + 1


async def transact(store: Store, session: CheckedSession) -> None:
    seen: list[int] = []

    def decide(read: CheckedSession) -> Change:
        seen.append(read.revision)
        return Change(set={"visits": read.visits + 1})

    assert (await store.transact(ID, decide)).counters["visits"] == session.visits + 1
    assert seen == [session.revision]


async def claim(store: Store, session: CheckedSession) -> None:
    assert await store.claim(ID, "closed")


async def append(store: Store, session: CheckedSession) -> None:
    assert await store.append(ID, "a", "b") == 2
    assert [item.number for item in await store.items(ID)] == [1, 2]


async def create(store: Store, session: CheckedSession) -> None:
    assert (await store.create("new", visits=3)).revision == 1
    assert await store.count_active() == 2


async def delete(store: Store, session: CheckedSession) -> None:
    assert await store.delete(ID)
    assert await store.get(ID) is None


async def acquire(store: Store, session: CheckedSession) -> None:
    grant = await store.leases.acquire(ID, ttl=30, wait=0)
    under = Change(set={"a": 1}, lease_token=grant.token)
    assert (await store.apply(ID, under)).revision == session.revision + 1


async def hold(store: Store, session: CheckedSession) -> None:
    async with store.lease(ID, ttl=30, wait=0) as lease:
        await lease.apply(Change(set={"a": 1}))


@pytest.mark.parametrize(
    "act",
    [compare_and_set, put_whole, transact, claim, append, create, delete, acquire, hold],
    ids=lambda act: act.__name__,
)
@pytest.mark.parametrize("which", [1, 2])
async def test_an_operation_whose_answer_was_swallowed_ends_as_if_it_had_come(
    act: Act, which: int, redis_server: RedisServer
) -> None:
    """No conflict with itself, no session that exists already, no lease that somebody holds."""
    async with disturbed(redis_server) as (store, proxy):
        session = await store.get(ID, fresh=True)
        assert session is not None
        proxy.swallow_every(which, WRITES, times=1)
        await act(store, session)


async def test_a_real_conflict_is_still_one(redis_server: RedisServer) -> None:
    """Somebody else came first, and the answer that said so was swallowed."""
    async with disturbed(redis_server) as (store, proxy):
        await store.increment_counter(ID, "visits")
        proxy.swallow_every(1, WRITES, times=1)
        with pytest.raises(RevisionConflict):
            await store.apply(ID, Change(set={"a": 1}, expect_revision=2))
