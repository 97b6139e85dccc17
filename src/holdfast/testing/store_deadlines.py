"""Deadlines: a session lives exactly as long as it was given, by the store's clock."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from holdfast.change import Change
from holdfast.testing.steps import Advance
from holdfast.testing.store_steps import (
    ID,
    OTHER,
    Account,
    Store,
    Stores,
    every_page,
    present,
    together,
)


def seconds(session: Account) -> float:
    """Say how long after its creation a session ends, to the microsecond."""
    return round((session.expires_at - session.created_at) / timedelta(seconds=1), 6)


class KeepingDeadlines:
    """`expires_at` moves for the reasons that are stated, and for no other."""

    second: float

    async def test_a_session_ends_after_its_ttl(self, store: Store, advance: Advance) -> None:
        """It is whole before, and absent after."""
        made = await store.create(ID, ttl=10.25 * self.second)
        assert seconds(made) == round(10.25 * self.second, 6)
        await advance(8.75)
        assert await present(store) == made
        await advance(2)
        assert await store.get(ID) is None

    async def test_the_store_s_own_ttl_is_the_default(self, stores: Stores) -> None:
        """For `create`, `get_or_create` and `set`."""
        store = await stores.open(ttl=77)
        await store.create("a")
        await store.get_or_create("b")
        await store.set(Account(session_id="c"))
        for session_id in "abc":
            assert seconds(await present(store, session_id)) == 77

    async def test_reading_never_extends(self, store: Store, advance: Advance) -> None:
        """Not by any way of reading, sliding or not."""
        made = await store.create(ID, ttl=10 * self.second)
        await store.append(ID, "item")
        read = await present(store)
        await advance(6)
        await store.get(ID, fresh=True)
        await store.exists(ID)
        await store.items(ID)
        await store.get_batch([ID])
        await store.list_active()
        await store.get_or_create(ID)
        assert await present(store) == read
        assert read.expires_at == made.expires_at
        await advance(5)
        assert await store.exists(ID) is False

    async def test_forty_updates_cost_a_session_no_time(
        self, store: Store, advance: Advance
    ) -> None:
        """A session of 60 s that is changed every second still ends 60 s after it began."""
        made = await store.create(ID, ttl=60 * self.second)
        for place in range(40):
            await advance(1)
            await store.apply(ID, Change(set={"topic": str(place)}, append=[place]))
            assert (await present(store)).expires_at == made.expires_at
        assert await store.touch(ID) is True
        assert (await present(store)).expires_at == made.expires_at
        await advance(21)
        assert await store.get(ID) is None

    async def test_a_touch_records_activity_and_nothing_else(
        self, store: Store, advance: Advance
    ) -> None:
        """Not the deadline, the values, the revision or the time of change."""
        made = await store.create(ID, ttl=40 * self.second, topic="t", note=1)
        await advance(5)
        assert await store.touch(ID) is True
        touched = await present(store)
        assert touched.last_activity - made.last_activity >= timedelta(seconds=self.second)
        assert touched.model_copy(update={"last_activity": made.last_activity}) == made

    async def test_extend_gives_idle_time_from_now(self, store: Store, advance: Advance) -> None:
        """More or less than there was; never a revision, never beyond `max_age`."""
        made = await store.create(ID, ttl=20 * self.second)
        await advance(10)
        assert await store.extend(ID, 20 * self.second) is True
        longer = await present(store)
        assert longer.expires_at - longer.last_activity == timedelta(seconds=20 * self.second)
        assert longer.expires_at > made.expires_at
        assert longer.revision == 1
        assert await store.extend(ID, 5 * self.second) is True
        shorter = await present(store)
        assert shorter.expires_at - shorter.last_activity == timedelta(seconds=5 * self.second)
        await advance(6)
        assert await store.extend(ID, 20 * self.second) is False

    async def test_nothing_moves_a_deadline_beyond_the_greatest_age(
        self, stores: Stores, advance: Advance
    ) -> None:
        """`created_at + max_age` is the end, however active the session is."""
        idle, age = round(12 * self.second, 6), round(20 * self.second, 6)
        store = await stores.open(ttl=idle, max_age=age, sliding=True)
        made = await store.create(ID)
        for _ in range(3):
            await advance(6)
            await store.update(ID, topic="active")
            await store.extend(ID, age)
        assert seconds(await present(store)) == age
        assert seconds(made) == idle
        await advance(3)
        assert await store.get(ID) is None

    async def test_a_sliding_store_extends_with_use(self, stores: Stores, advance: Advance) -> None:
        """Each change, touch or removed item starts the idle time again; reads do not."""
        store = await stores.open(ttl=10 * self.second, sliding=True)
        await store.create(ID)
        await store.append(ID, "a", "b")
        uses: list[Callable[[], Awaitable[object]]] = [
            lambda: store.update(ID, topic="t"),
            lambda: store.touch(ID),
            lambda: store.append(ID, "c"),
            lambda: store.pop_item(ID),
            lambda: store.clear_items(ID),
            lambda: store.increment_counter(ID, "visits"),
        ]
        for use in uses:
            await advance(7)
            await use()
            session = await present(store)
            left = session.expires_at - session.last_activity
            assert left == timedelta(seconds=10 * self.second)
        session = await present(store)
        await store.set(session)
        await advance(7)
        await present(store)
        await advance(4)
        assert await store.get(ID) is None

    async def test_an_extended_time_is_the_session_s_own(
        self, stores: Stores, advance: Advance
    ) -> None:
        """A sliding store starts it again, not the store's default."""
        store = await stores.open(ttl=10 * self.second, sliding=True)
        await store.create(ID, ttl=30 * self.second)
        await advance(20)
        await store.update(ID, topic="t")
        session = await present(store)
        assert session.expires_at - session.last_activity == timedelta(seconds=30 * self.second)


class CollectingSessions:
    """What has expired is neither listed nor counted, collected or not."""

    second: float

    async def test_expired_sessions_are_in_no_answer(self, store: Store, advance: Advance) -> None:
        """The live ones are untouched by a cleanup."""
        for place in range(10):
            await store.create(f"s{place}", ttl=(place + 1) * 10 * self.second)
        await advance(45)
        live = [f"s{place}" for place in range(4, 10)]
        assert await store.count_active() == 6
        assert [session.session_id for session in await every_page(store)] == live
        found = await store.get_batch(f"s{place}" for place in range(10))
        assert [session_id for session_id, session in found.items() if session] == live
        await store.cleanup_expired()
        assert await store.count_active() == 6
        assert [session.session_id for session in await every_page(store)] == live

    async def test_a_cleanup_says_how_many_it_collected(
        self, store: Store, advance: Advance
    ) -> None:
        """Up to its limit, the oldest deadline first, and none twice."""
        for place in range(10):
            await store.create(f"s{place}", ttl=(place + 4) * self.second)
        await store.create(OTHER, ttl=1000)
        assert await store.cleanup_expired() == 0
        await advance(18)
        assert await store.cleanup_expired(limit=4) == 4
        assert sorted(await together(store.cleanup_expired(limit=4) for _ in range(3))) == [0, 2, 4]
        assert await store.cleanup_expired() == 0
        assert await store.count_active() == 1

    async def test_the_count_is_exact(self, store: Store, advance: Advance) -> None:
        """Through creations, deletions, replacements, extensions and ends."""
        assert await store.count_active() == 0
        short, long = 20 * self.second, 200 * self.second
        await together(store.create(f"s{place}", ttl=short) for place in range(20))
        assert await store.count_active() == 20
        await together(store.delete(f"s{place}") for place in range(5))
        await store.extend("s5", long)
        await store.extend("s6", 4 * self.second)
        await store.set((await present(store, "s7")).model_copy(update={"topic": "t"}), ttl=long)
        assert await store.count_active() == 15
        await advance(6)
        assert await store.count_active() == 14
        await advance(20)
        assert await store.count_active() == 2
        await store.create("s0")
        assert await store.count_active() == 3
