"""Watching a session: a wake-up that is never missed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import StoreUnavailable
from holdfast.store import SessionStore
from holdfast.testing.store_steps import (
    ID,
    OTHER,
    SOON,
    OpenBackend,
    Store,
    Stores,
    eventually_ends,
    present,
    stores_on,
    together,
)


async def following(watcher: AsyncIterator[int]) -> int:
    """Wait for the next revision of a watch."""
    async with asyncio.timeout(SOON):
        return await anext(watcher)


async def left_alone(watcher: AsyncIterator[int]) -> "asyncio.Task[list[int]]":
    """Follow a watch in the background, and let it begin to wait."""
    task = asyncio.create_task(eventually_ends(watcher))
    await asyncio.sleep(0.02)
    return task


class WatchingSessions:
    """A watch gives the revision now, later ones when they come, and ends with the session."""

    async def test_a_watch_begins_with_the_revision_now(self, live: Store) -> None:
        """So nothing is missed between reading and watching."""
        await live.create(ID)
        await live.update(ID, topic="t")
        assert await following(live.watch(ID)) == 2

    async def test_a_watch_is_woken_by_every_kind_of_change(self, live: Store) -> None:
        """Also by removed items and whole snapshots; not by what concerns another session."""
        await live.create(ID)
        await live.create(OTHER)
        watcher = live.watch(ID)
        assert await following(watcher) == 1
        await live.append(ID, "a", "b")
        assert await following(watcher) == 2
        await live.pop_item(ID)
        assert await following(watcher) == 3
        await live.update(OTHER, topic="t")
        await live.clear_items(ID)
        assert await following(watcher) == 4
        await live.set(await present(live))
        assert await following(watcher) == 5

    async def test_a_waiting_watch_is_woken_at_once(self, live: Store) -> None:
        """All who watch are."""
        await live.create(ID)
        watchers = [live.watch(ID) for _ in range(10)]
        assert await together(following(watcher) for watcher in watchers) == [1] * 10
        waiting = [asyncio.create_task(following(watcher)) for watcher in watchers]
        await asyncio.sleep(0)
        await live.update(ID, topic="t")
        assert await together(waiting) == [2] * 10

    async def test_wake_ups_are_joined(self, live: Store) -> None:
        """Who was busy meanwhile sees the newest revision once."""
        await live.create(ID)
        watcher = live.watch(ID)
        assert await following(watcher) == 1
        await together(live.increment_counter(ID, "visits") for _ in range(50))
        assert await following(watcher) == 51

    async def test_revisions_only_grow_and_the_last_one_is_seen(self, live: Store) -> None:
        """Whoever reads after each wake-up ends with the last state."""
        await live.create(ID)
        following = await left_alone(live.watch(ID))
        for _ in range(30):
            await live.increment_counter(ID, "visits")
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        await live.delete(ID)
        seen = await following
        assert seen == sorted(set(seen))
        assert (seen[0], seen[-1]) == (1, 31)

    async def test_a_watch_ends_when_the_session_is_deleted(self, live: Store) -> None:
        """At once, not at the deadline."""
        await live.create(ID)
        following = await left_alone(live.watch(ID))
        await live.delete(ID)
        assert await following == [1]

    async def test_a_watch_ends_when_the_session_expires(self, live: Store) -> None:
        """Though nobody touches it any more."""
        await live.create(ID, ttl=0.3)
        began = asyncio.get_running_loop().time()
        assert await eventually_ends(live.watch(ID)) == [1]
        assert 0.2 < asyncio.get_running_loop().time() - began < 1.5

    async def test_a_watch_ends_at_the_deadline_that_was_moved_nearer(self, live: Store) -> None:
        """Not at the one that stood when it began."""
        await live.create(ID, ttl=600)
        following = await left_alone(live.watch(ID))
        await live.extend(ID, 0.2)
        assert await following == [1]

    async def test_a_watch_lasts_as_long_as_its_session_is_extended(self, live: Store) -> None:
        """Past the deadline that stood when it began."""
        await live.create(ID, ttl=0.2)
        following = await left_alone(live.watch(ID))
        await live.extend(ID, 60)
        await asyncio.sleep(0.4)
        await live.update(ID, topic="t")
        await asyncio.sleep(0.2)
        await live.delete(ID)
        assert await following == [1, 2]

    async def test_a_watch_does_not_go_on_to_another_life(self, live: Store) -> None:
        """A session created again under the same id is another one."""
        await live.create(ID)
        watcher = live.watch(ID)
        assert [await anext(watcher)] == [1]
        await live.delete(ID)
        await live.create(ID)
        await live.update(ID, topic="second life")
        assert await eventually_ends(watcher) == []

    async def test_a_watch_left_early_leaves_nothing(self, stores_live: Stores) -> None:
        """Neither a task nor a listener."""
        store = await stores_live.open()
        await store.create(ID)
        tasks = asyncio.all_tasks()
        watchers = [store.watch(ID) for _ in range(5)]
        await together(following(watcher) for watcher in watchers)
        waiting = [asyncio.create_task(following(watcher)) for watcher in watchers]
        await asyncio.sleep(0.02)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for watcher in watchers:
            assert [revision async for revision in watcher] == []
        left = asyncio.all_tasks() - tasks
        assert not left or not (await asyncio.wait(left, timeout=SOON))[1]
        assert stores_live.backend.statistics().get("listeners", 0) == 0

    async def test_a_watch_ends_when_the_store_closes(self, open_backend: OpenBackend) -> None:
        """At once, as a failure: nobody can say any more what becomes of the session."""
        opening = open_backend(SYSTEM_CLOCK)
        async with stores_on(opening, clock=SYSTEM_CLOCK, make=SessionStore) as stores:
            store = await stores.open()
            await store.create(ID)
            watches = [await left_alone(store.watch(ID)) for _ in range(3)]
        for watch in watches:
            with pytest.raises(StoreUnavailable):
                await watch
