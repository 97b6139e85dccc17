"""What a store says of itself, and what it leaves behind."""

import asyncio

from holdfast.change import Change
from holdfast.testing.store_steps import ID, OTHER, Account, Store, Stores, present, together


class ReportingState:
    """Health and statistics are true."""

    async def test_a_healthy_store_says_so(self, store: Store) -> None:
        """Each step of its probe worked; the probe is in no list and no count."""
        health = await store.health_check()
        assert health.healthy is True
        assert dict(health.checks) == {"write": True, "read": True, "delete": True}
        assert health.error is None
        assert 0 <= health.seconds < 5
        assert await store.count_active() == 0
        assert (await store.list_active()).sessions == ()

    async def test_probes_leave_nothing(self, store: Store, stores: Stores) -> None:
        """However many there are at once."""
        before = dict(stores.backend.statistics())
        assert all(health.healthy for health in await together(
            store.health_check() for _ in range(20)
        ))  # fmt: skip
        kept = dict(stores.backend.statistics()).get("kept_sessions", 0)
        assert kept == before.get("kept_sessions", 0)

    async def test_statistics_count_what_is_there(self, store: Store, stores: Stores) -> None:
        """Live sessions, leases held, snapshots kept."""
        await store.create(ID)
        await store.create(OTHER)
        async with store.lease(ID):
            stats = await store.get_stats()
            assert stats.leases_held == 1
        assert (stats.active_sessions, stats.namespace) == (2, store.terms.namespace)
        assert stats.store_type == stores.backend.name
        assert (stats.unreadable_sessions, stats.rollbacks) == (0, 0)
        assert stats.cached_snapshots == 2
        assert stats.backend.keys() == stores.backend.statistics().keys()
        assert (await store.get_stats()).leases_held == 0


class LeavingNothing:
    """A caller may be cancelled anywhere: what was asked for happens whole or not at all."""

    async def test_cancelled_callers_leave_whole_sessions(self, store: Store) -> None:
        """State, counter and log agree, whenever the callers were cancelled."""
        await store.create(ID, total=0)

        def step(session: Account) -> Change:
            total = session.metadata["total"]
            assert isinstance(total, int)
            return Change(set={"total": total + 1}, add={"visits": 1}, append=[total + 1])

        done = 0
        for turn in range(12):
            tasks = [asyncio.create_task(store.transact(ID, step)) for _ in range(8)]
            for _ in range(turn):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            done += sum(not isinstance(answer, BaseException) for answer in answers)
        session = await present(store)
        items = [item.value for item in await store.items(ID, limit=1000)]
        assert done <= session.visits <= 96
        assert items == list(range(1, session.visits + 1))
        assert session.metadata == {"total": session.visits}
        assert session.revision == session.visits + 1

    async def test_creating_using_and_deleting_at_once(self, store: Store) -> None:
        """Fifty lives of a session at the same time, each seen by its own user alone."""

        async def live(place: int) -> bool:
            name = f"s{place}"
            made = await store.create(name, user_id=name, topic=name)
            await store.append(name, name)
            assert await store.increment_counter(name, "visits", place) == place
            read = await present(store, name)
            assert (read.user_id, read.topic, read.incarnation) == (name, name, made.incarnation)
            assert [item.value for item in await store.items(name)] == [name]
            return await store.delete(name) and await store.get(name) is None

        assert all(await together(live(place) for place in range(50)))
        assert await store.count_active() == 0
