"""Creating, reading and ending sessions: absent, present, and nothing between."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest

from holdfast.change import Change
from holdfast.errors import RevisionConflict, SessionExists, SessionNotFound
from holdfast.testing.steps import Advance
from holdfast.testing.store_steps import (
    ID,
    OTHER,
    ROUNDS,
    Account,
    Profile,
    Store,
    Stores,
    look,
    plain,
    present,
    together,
    unchanged,
)

Call = Callable[[Store], Coroutine[Any, Any, Any]]

ANSWERED_WHEN_ABSENT: Final[dict[str, tuple[Call, object]]] = {
    "get": (lambda store: store.get(ID), None),
    "get fresh": (lambda store: store.get(ID, fresh=True), None),
    "touch": (lambda store: store.touch(ID), False),
    "extend": (lambda store: store.extend(ID, 60), False),
    "delete": (lambda store: store.delete(ID), False),
    "exists": (lambda store: store.exists(ID), False),
    "keep_draft": (lambda store: store.keep_draft(ID, "late"), False),
    "keep_draft under": (lambda store: store.keep_draft(ID, 1, lease_token=OTHER), False),
    "read_draft": (lambda store: store.read_draft(ID), None),
    "get_batch": (lambda store: store.get_batch([ID]), {ID: None}),
    "delete_batch": (lambda store: store.delete_batch([ID]), {ID: False}),
}
REFUSED_WHEN_ABSENT: Final[dict[str, Call]] = {
    "apply": lambda store: store.apply(ID, Change(set={"topic": "late"}, append=["late"])),
    "update": lambda store: store.update(ID, topic="late"),
    "increment_counter": lambda store: store.increment_counter(ID, "visits"),
    "claim": lambda store: store.claim(ID, "escalated"),
    "append": lambda store: store.append(ID, "late"),
    "items": lambda store: store.items(ID),
    "read_log": lambda store: store.read_log(ID),
    "pop_item": lambda store: store.pop_item(ID),
    "clear_items": lambda store: store.clear_items(ID),
    "transact": lambda store: store.transact(ID, lambda _: Change(set={"topic": "late"})),
}


class CreatingSessions:
    """Only what creates brings a session into being, and exactly once."""

    async def test_a_created_session_is_readable_at_once(self, store: Store) -> None:
        """Any reader sees what its creator was given."""
        made = await store.create(
            ID, user_id="o'brien", topic="refund", tags=["a"], profile=Profile(name="Ann"),
            visits=3, escalated=True, note={"x": [1, None]}, metadata={"other": 1.5},
        )  # fmt: skip
        assert plain(made) == {
            "user_id": "o'brien",
            "topic": "refund",
            "tags": ["a"],
            "profile": {"name": "Ann", "languages": []},
            "visits": 3,
            "escalated": True,
            "metadata": {"note": {"x": [1, None]}, "other": 1.5},
        }
        assert await store.get(ID) == made
        assert await store.get(ID, fresh=True) == made
        assert await store.exists(ID) is True

    async def test_a_new_session_is_at_revision_one(self, store: Store) -> None:
        """Its times are that of its creation, and it has an incarnation."""
        made = await store.create(ID, ttl=90)
        assert (made.revision, made.session_id, made.user_id) == (1, ID, None)
        assert made.created_at == made.updated_at == made.last_activity
        assert made.created_at.utcoffset() == timedelta(0)
        assert made.expires_at - made.created_at == timedelta(seconds=90)
        assert len(made.incarnation) >= 16

    async def test_an_id_is_minted_when_none_is_given(self, store: Store) -> None:
        """A minted id has 128 random bits and can stand in a URL."""
        ids = {session.session_id for session in await together(store.create() for _ in range(50))}
        assert len(ids) == 50
        assert all(len(session_id) >= 22 and session_id.isalnum() for session_id in ids)

    async def test_a_taken_id_is_refused(self, store: Store) -> None:
        """The session that has it stays as it is."""
        await store.create(ID, topic="first")
        async with unchanged(store):
            with pytest.raises(SessionExists) as caught:
                await store.create(ID, topic="second")
        assert caught.value.session_id == ID

    async def test_a_created_again_session_is_another_one(self, store: Store) -> None:
        """Nothing of the first one is left: state, log, counters, change ids, item numbers."""
        first = await store.create(ID, topic="first", visits=7, note=1)
        change = Change(append=["one"], change_id="same", claim=["escalated"])
        await store.apply(ID, change)
        assert await store.delete(ID) is True
        second = await store.create(ID)
        assert second.incarnation != first.incarnation
        assert (second.revision, second.topic, second.visits) == (1, None, 0)
        assert (second.metadata, second.escalated) == ({}, False)
        assert await store.items(ID) == []
        applied = await store.apply(ID, change)
        assert (applied.replayed, applied.first_item, applied.revision) == (False, 1, 2)

    async def test_get_or_create_creates_with_what_the_factory_makes(self, store: Store) -> None:
        """The factory is asked only when there is no session."""
        asked: list[int] = []

        def factory() -> dict[str, Any]:
            asked.append(1)
            return {"user_id": "ann", "topic": "new", "note": 1}

        made = await store.get_or_create(ID, factory=factory, ttl=60)
        assert (made.user_id, made.topic, made.metadata) == ("ann", "new", {"note": 1})
        assert made.expires_at - made.created_at == timedelta(seconds=60)
        assert await store.get_or_create(ID, factory=factory) == made
        assert asked == [1]
        assert (await store.get_or_create(OTHER)).revision == 1

    async def test_get_or_create_gets_what_another_has_just_created(self, stores: Stores) -> None:
        """It came second, between its look and its creation: the first one's session stays."""
        store, other = await stores.open(), await stores.open()
        original = store.get

        async def look_and_come_second(session_id: str, *, fresh: bool = False) -> Account | None:
            found = await original(session_id, fresh=fresh)
            await other.create(session_id, topic="first")
            return found

        store.get = look_and_come_second  # type: ignore[method-assign]
        found = await store.get_or_create(ID, factory=lambda: {"topic": "second"})
        assert (found.topic, found.revision) == ("first", 1)
        assert await other.get(ID) == found

    async def test_get_or_create_creates_once_among_fifty(self, store: Store) -> None:
        """All callers get the one session that was created, whole."""
        for turn in range(ROUNDS):
            session_id = f"once-{turn}"
            found = await together(
                store.get_or_create(session_id, factory=partial(dict[str, Any], visits=place))
                for place in range(50)
            )
            assert len({(session.incarnation, session.visits) for session in found}) == 1
            assert await store.get(session_id) == found[0]
        assert await store.count_active() == ROUNDS

    async def test_creating_the_same_id_succeeds_once_among_fifty(self, store: Store) -> None:
        """Forty-nine are told that the id is taken."""

        async def attempt(session_id: str, place: int) -> Account | None:
            try:
                return await store.create(session_id, visits=place)
            except SessionExists:
                return None

        for turn in range(ROUNDS):
            made = await together(attempt(f"once-{turn}", place) for place in range(50))
            winners = [session for session in made if session is not None]
            assert winners == [await store.get(f"once-{turn}")]


class EndingSessions:
    """Absent is `None`, `False` or `SessionNotFound`, for ever and for every method."""

    second: float

    @pytest.mark.parametrize("way", ["never created", "deleted", "expired"])
    async def test_an_absent_session_is_absent_to_every_method(
        self, store: Store, advance: Advance, way: str
    ) -> None:
        """However it came to be absent, no method finds it and none brings it back."""
        if way != "never created":
            await store.create(ID, ttl=2 * self.second)
            await store.append(ID, "old")
            await store.keep_draft(ID, "old")
        if way == "deleted":
            await store.delete(ID)
        if way == "expired":
            await advance(3)
        for name, (call, answer) in ANSWERED_WHEN_ABSENT.items():
            assert await call(store) == answer, name
        for name, refused in REFUSED_WHEN_ABSENT.items():
            with pytest.raises(SessionNotFound, match=ID):  # noqa: PT012 - the failure names it
                await refused(store)
                pytest.fail(f"{name} found an absent session")
        with pytest.raises(SessionNotFound):
            async with store.lease(ID):
                pytest.fail("an absent session was leased")
        assert [revision async for revision in store.watch(ID)] == []
        assert await look(store) == (None, [], 0)

    async def test_a_delete_takes_everything(self, store: Store) -> None:
        """True for the caller who ended it, False for everybody after."""
        await store.create(ID)
        await store.create(OTHER)
        assert await store.delete(ID) is True
        assert await store.delete(ID) is False
        assert await store.get(ID) is None
        assert await store.exists(ID) is False
        assert await store.exists(OTHER) is True
        assert await store.count_active() == 1

    async def test_one_of_many_deletes_finds_the_session(self, store: Store) -> None:
        """Several rounds, ten callers each."""
        for _ in range(ROUNDS):
            await store.create(ID)
            answers = await together(store.delete(ID) for _ in range(10))
            assert sorted(answers) == [False] * 9 + [True]

    async def test_a_delete_can_demand_what_was_read(self, store: Store) -> None:
        """Another incarnation or revision is left alone."""
        first = await store.create(ID)
        await store.update(ID, topic="moved")
        async with unchanged(store):
            with pytest.raises(RevisionConflict):
                await store.delete(ID, expect_revision=first.revision)
            with pytest.raises(RevisionConflict):
                await store.delete(ID, expect_incarnation="another")
        now = await present(store)
        assert await store.delete(
            ID, expect_incarnation=now.incarnation, expect_revision=now.revision
        )
        assert await store.get(ID) is None

    async def test_a_late_writer_revives_nothing(self, store: Store, advance: Advance) -> None:
        """Neither after a delete nor after the deadline, however the write is made."""
        for end in ("delete", "expire"):
            saved = await store.create(ID, ttl=2 * self.second, topic="saved")
            if end == "delete":
                await store.delete(ID)
            else:
                await advance(3)
            with pytest.raises(SessionNotFound):
                await store.set(saved)
            answers = await store.set_batch([saved])
            assert isinstance(answers[ID], SessionNotFound)
            with pytest.raises(SessionNotFound):
                await store.update(ID, topic="late")
            assert await look(store) == (None, [], 0)
