"""Many sessions at once: pages, filters, batches."""

from collections.abc import Iterable
from datetime import timedelta

from holdfast.change import Applied
from holdfast.errors import InvalidSession, RevisionConflict, SessionNotFound
from holdfast.session import SessionFilter
from holdfast.testing.steps import Advance
from holdfast.testing.store_steps import (
    ID,
    OTHER_KEYS,
    Account,
    Store,
    Stores,
    every_page,
    present,
    together,
)


def ids(sessions: Iterable[Account]) -> list[str]:
    """Name the sessions."""
    return [session.session_id for session in sessions]


class ListingSessions:
    """Pages in the order of creation, stable while sessions move."""

    async def test_sessions_are_listed_in_the_order_of_creation(
        self, store: Store, advance: Advance
    ) -> None:
        """Each once, whole, and with no cursor at the end."""
        made: list[Account] = []
        for place in range(7):
            made.append(await store.create(f"s{9 - place}", topic=str(place), ttl=1000 - place))
            await advance(1)
        assert await every_page(store) == made
        assert await every_page(store, limit=3) == made
        assert await every_page(store, limit=7) == made
        assert (await store.list_active(limit=8)).next_cursor is None

    async def test_pages_are_stable_while_sessions_move(
        self, store: Store, advance: Advance
    ) -> None:
        """Changes, deadlines, new and ended sessions neither hide nor repeat another one."""
        await together(store.create(f"s{place:02}") for place in range(30))
        await advance(1)
        seen: list[str] = []
        cursor = None
        for turn in range(100):
            page = await store.list_active(limit=4, cursor=cursor)
            seen += ids(page.sessions)
            cursor = page.next_cursor
            if cursor is None:
                break
            await together(store.extend(f"s{place:02}", 500 + turn) for place in range(0, 30, 7))
            await together(store.update(name, topic="moved") for name in seen[1:3])
            if turn == 1:
                await store.delete(seen[0])
                await store.create("late")
        assert sorted(seen) == sorted([*(f"s{place:02}" for place in range(30)), "late"])

    async def test_a_filter_chooses(self, store: Store, advance: Advance) -> None:
        """By user, flag, counters and time of creation; all parts together."""
        for place in range(8):
            await store.create(
                f"s{place}", user_id=f"user{place % 2}", escalated=place >= 4,
                message_count=place, visits=place * 10,
            )  # fmt: skip
            await advance(1)
        times = [(await present(store, f"s{place}")).created_at for place in range(8)]
        chosen = {
            "no filter": (SessionFilter(), "01234567"),
            "a user": (SessionFilter(user_id="user1"), "1357"),
            "nobody": (SessionFilter(user_id="user"), ""),
            "raised": (SessionFilter(escalated=True), "4567"),
            "down": (SessionFilter(escalated=False), "0123"),
            "few messages": (SessionFilter(max_messages=2), "012"),
            "many messages": (SessionFilter(min_messages=6), "67"),
            "between": (SessionFilter(between={"visits": (20, 40)}), "234"),
            "created after": (SessionFilter(created_after=times[5]), "567"),
            "created before": (SessionFilter(created_before=times[1]), "01"),
            "all at once": (
                SessionFilter(
                    user_id="user1", escalated=True, min_messages=5, max_messages=6,
                    created_after=times[2], created_before=times[7], between={"visits": (0, 60)},
                ),
                "5",
            ),
        }  # fmt: skip
        for name, (filter, places) in chosen.items():
            for limit in (1, 3, 100):
                found = await every_page(store, filter=filter, limit=limit)
                assert ids(found) == [f"s{place}" for place in places], name

    async def test_a_filter_sees_what_was_changed(self, store: Store) -> None:
        """Not what a session was created with."""
        await store.create(ID, user_id="ann")
        await store.claim(ID, "escalated")
        await store.increment_counter(ID, "message_count", 5)
        assert ids(await every_page(store, filter=SessionFilter(escalated=False))) == []
        found = await every_page(store, filter=SessionFilter(escalated=True, min_messages=5))
        assert ids(found) == [ID]

    async def test_a_rare_session_is_found_among_thousands(self, store: Store) -> None:
        """A page may be short, or empty, and still not the last."""
        everyone = [Account(session_id=f"s{place}") for place in range(2_100)]
        await store.set_batch(everyone)
        await store.create("rare", user_id="ann", escalated=True)
        for filter in (SessionFilter(escalated=True), SessionFilter(user_id="ann")):
            assert ids(await every_page(store, filter=filter)) == ["rare"]
        assert len(await every_page(store, limit=1000)) == 2_101

    async def test_an_unreadable_session_is_skipped_and_counted(
        self, store: Store, stores: Stores
    ) -> None:
        """The others are listed; so is it, for those who have its key."""
        stranger = await stores.open(keys=OTHER_KEYS)
        for place in range(6):
            await (stranger if place % 3 == 1 else store).create(f"s{place}")
        assert ids(await every_page(store, limit=2)) == ["s0", "s2", "s3", "s5"]
        assert (await store.get_stats()).unreadable_sessions == 2
        assert ids(await every_page(stranger)) == ["s1", "s4"]
        assert await store.count_active() == 6


class BatchingSessions:
    """Many sessions in one call, each on its own."""

    second: float

    async def test_a_batch_is_read_by_id(self, store: Store) -> None:
        """In the order asked, absent ones as None, repeated ones once."""
        for name in "abc":
            await store.create(name, topic=name)
        await store.delete("b")
        found = await store.get_batch(["c", "never", "b", "a", "c"])
        assert list(found) == ["c", "never", "b", "a"]
        assert {name: session and session.topic for name, session in found.items()} == {
            "c": "c", "never": None, "b": None, "a": "a"
        }  # fmt: skip
        assert await store.get_batch([]) == {}
        assert await store.get_batch(name for name in "a") == {"a": await present(store, "a")}

    async def test_a_large_batch_is_answered_whole(self, store: Store) -> None:
        """Each id gets its own session, however many there are."""
        many = [Account(session_id=f"s{place}", visits=place) for place in range(700)]
        written = await store.set_batch(iter(many))
        assert list(written) == ids(many)
        assert {type(answer) for answer in written.values()} == {Applied}
        found = await store.get_batch(written)
        assert {name: session and session.visits for name, session in found.items()} == {
            f"s{place}": place for place in range(700)
        }
        ended = await store.delete_batch([*written, "never"])
        assert [name for name, existed in ended.items() if not existed] == ["never"]
        assert await store.count_active() == 0

    async def test_each_snapshot_of_a_batch_has_its_own_answer(self, store: Store) -> None:
        """What was refused is its error; the others are written all the same."""
        stale, gone, fine = await together(store.create(name) for name in ("stale", "gone", "fine"))
        await store.update("stale", topic="newer")
        await store.delete("gone")
        answers = await store.set_batch(
            [
                stale,
                gone,
                fine.model_copy(update={"topic": "written"}),
                Account(session_id="new"),
                Account(session_id="bad").model_copy(update={"visits": -1}),
            ]
        )
        kinds = {name: type(answer) for name, answer in answers.items()}
        assert kinds == {
            "stale": RevisionConflict,
            "gone": SessionNotFound,
            "fine": Applied,
            "new": Applied,
            "bad": InvalidSession,
        }
        assert (await present(store, "fine")).topic == "written"
        assert (await present(store, "stale")).topic == "newer"
        assert await store.exists("gone") is False
        assert await store.count_active() == 3

    async def test_a_batch_does_not_starve_others(self, store: Store) -> None:
        """A single read is answered while a huge batch is under way."""
        await store.create(ID)
        batch = [f"s{place}" for place in range(5_000)]
        reading = together([store.get_batch(batch), *(store.get_batch(batch) for _ in range(2))])
        order: list[str] = []

        async def huge() -> None:
            await reading
            order.append("huge")

        async def single() -> None:
            await present(store)
            order.append("single")

        await together([huge(), single()])
        assert order == ["single", "huge"]

    async def test_created_times_follow_the_store_s_clock(
        self, store: Store, advance: Advance
    ) -> None:
        """Sessions of one batch were created at one time, or one after another."""
        await store.set_batch(Account(session_id=name) for name in "abc")
        await advance(5)
        await store.create("d")
        listed = await every_page(store)
        assert ids(listed)[-1] == "d"
        assert listed[-1].created_at - listed[0].created_at >= timedelta(seconds=self.second)
