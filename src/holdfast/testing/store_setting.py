"""Putting whole snapshots in place."""

from datetime import timedelta
from typing import Any

import pytest

from holdfast.change import Applied, Change
from holdfast.errors import InvalidSession, RevisionConflict
from holdfast.session import Session
from holdfast.testing.steps import Advance
from holdfast.testing.store_steps import (
    ID,
    OTHER,
    ROUNDS,
    Account,
    Profile,
    Store,
    plain,
    present,
    together,
    unchanged,
)


class SettingSessions:
    """Revision 0 creates; a later one replaces that revision of that incarnation, or nothing."""

    async def test_a_snapshot_at_revision_zero_creates(self, store: Store) -> None:
        """All that it holds is stored."""
        given = Account(
            session_id=ID, user_id="ann", topic="new", tags=["x"], profile=Profile(name="Ann"),
            visits=2, escalated=True, metadata={"note": [1]},
        )  # fmt: skip
        applied = await store.set(given, ttl=60)
        stored = await present(store)
        assert (applied.revision, applied.incarnation) == (1, stored.incarnation)
        assert plain(stored) == plain(given)
        assert stored.expires_at - stored.created_at == timedelta(seconds=60)

    async def test_a_snapshot_at_revision_zero_replaces_nothing(self, store: Store) -> None:
        """The id is taken: the writer is told at which revision it is."""
        await store.create(ID)
        await store.update(ID, topic="kept")
        async with unchanged(store):
            with pytest.raises(RevisionConflict) as caught:
                await store.set(Account(session_id=ID, topic="other"))
        assert (caught.value.expected, caught.value.found) == (0, 2)

    async def test_a_snapshot_replaces_the_revision_it_was_read_at(self, store: Store) -> None:
        """What it does not hold is gone; log, creation and incarnation stay."""
        made = await store.create(ID, user_id="ann", topic="old", visits=5, gone=1, kept=1)
        await store.append(ID, "item")
        read = await present(store)
        changed: dict[str, Any] = {"topic": None, "visits": 1, "metadata": {"kept": 2}}
        applied = await store.set(read.model_copy(update=changed))
        stored = await present(store)
        assert (stored.topic, stored.visits, stored.metadata) == (None, 1, {"kept": 2})
        assert (stored.created_at, stored.user_id) == (made.created_at, "ann")
        assert stored.incarnation == made.incarnation == applied.incarnation
        assert stored.revision == applied.revision == read.revision + 1
        assert [item.value for item in await store.items(ID)] == ["item"]

    async def test_an_older_snapshot_is_refused(self, store: Store) -> None:
        """The change made since is not lost."""
        read = await store.create(ID)
        await store.update(ID, topic="newer")
        async with unchanged(store):
            with pytest.raises(RevisionConflict) as caught:
                await store.set(read)
        assert (caught.value.expected, caught.value.found) == (1, 2)

    async def test_a_snapshot_of_another_incarnation_is_refused(self, store: Store) -> None:
        """The revision may be the same, the session is not."""
        saved = await store.create(ID, topic="first life")
        await store.delete(ID)
        await store.create(ID, topic="second life")
        async with unchanged(store):
            with pytest.raises(RevisionConflict):
                await store.set(saved)

    async def test_a_session_never_changes_its_user(self, store: Store) -> None:
        """Neither to another one, nor to none, nor from none."""
        owned = await store.create(ID, user_id="ann")
        free = await store.create(OTHER)
        for session, user_id in ((owned, "bob"), (owned, None), (free, "ann")):
            async with unchanged(store, session.session_id):
                with pytest.raises(InvalidSession) as caught:
                    await store.set(session.model_copy(update={"user_id": user_id}))
            assert caught.value.field == "user_id"

    async def test_one_of_twenty_equal_snapshots_is_put_in_place(self, store: Store) -> None:
        """All have read the same revision; the others conflict."""

        async def attempt(read: Account, place: int) -> Applied | None:
            try:
                return await store.set(read.model_copy(update={"visits": place}))
            except RevisionConflict:
                return None

        await store.create(ID)
        for _ in range(ROUNDS):
            read = await present(store)
            answers = await together(attempt(read, place) for place in range(20))
            [applied] = [answer for answer in answers if answer is not None]
            assert (await present(store)).visits == applied.counters["visits"]

    async def test_the_deadline_moves_only_with_a_ttl(self, store: Store, advance: Advance) -> None:
        """A replacement keeps the deadline, unless it brings idle time of its own."""
        made = await store.create(ID, ttl=60)
        await advance(10)
        await store.set(made)
        kept = await present(store)
        assert kept.expires_at == made.expires_at
        await store.set(kept, ttl=90)
        moved = await present(store)
        assert moved.expires_at - moved.updated_at == timedelta(seconds=90)

    async def test_a_set_snapshot_can_be_dumped_and_read_again(self, store: Store) -> None:
        """A snapshot that went through JSON is as good as the one that was read."""
        await store.create(ID, user_id="ann", topic="t", profile=Profile(name="Ann"), note=[1])
        await store.apply(ID, Change(claim=["escalated"], add={"visits": 2}))
        read = await present(store)
        again = Account.model_validate_json(read.model_dump_json())
        assert again == read
        await store.set(again)
        assert plain(await present(store)) == plain(read)

    async def test_a_snapshot_of_another_model_is_refused(self, store: Store) -> None:
        """A plain session says nothing about the declared fields."""
        with pytest.raises(InvalidSession) as caught:
            await store.set(Session(session_id=ID))  # type: ignore[arg-type]
        assert caught.value.field == "session"
        assert await store.count_active() == 0
