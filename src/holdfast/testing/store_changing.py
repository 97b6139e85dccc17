"""Changing sessions: a change happens whole or not at all, and once."""

import pytest

from holdfast.change import Applied, Change
from holdfast.errors import (
    FlagTaken,
    HoldfastError,
    InvalidSession,
    LeaseLost,
    LimitReached,
    RevisionConflict,
    SessionNotFound,
)
from holdfast.testing.steps import Advance
from holdfast.testing.store_steps import (
    ID,
    NEWER_KEYS,
    ROUNDS,
    Account,
    Store,
    Stores,
    present,
    together,
    unchanged,
)


class ChangingSessions:
    """What a change names is changed, and nothing else."""

    async def test_everything_in_a_change_happens_at_once(self, store: Store) -> None:
        """State, counters, flags and log move in one revision; the answer says to what."""
        made = await store.create(ID, topic="old", visits=5, answered=True, draft=1, kept=1)
        applied = await store.apply(
            ID,
            Change(
                set={"topic": "new", "note": "n", "tags": ["a"]}, unset=["draft", "answered"],
                add={"visits": 2, "places": 10}, claim=["escalated"], append=["one", "two"],
            ),
        )  # fmt: skip
        session = await present(store)
        assert (session.topic, session.tags, session.metadata) == (
            "new",
            ["a"],
            {"kept": 1, "note": "n"},
        )
        assert (session.visits, session.places) == (7, 10)
        assert (session.escalated, session.answered) == (True, False)
        assert [item.value for item in await store.items(ID)] == ["one", "two"]
        expected = {"visits": 7, "places": 10, "message_count": 0, "escalated": 1, "answered": 0}
        assert applied == Applied(made.incarnation, 2, expected, 1, 2, False)
        assert session.revision == 2

    async def test_a_change_moves_the_times_of_change_and_activity(
        self, store: Store, advance: Advance
    ) -> None:
        """Creation stays; the deadline too."""
        made = await store.create(ID)
        await advance(2)
        await store.update(ID, topic="new")
        session = await present(store)
        assert session.created_at == made.created_at
        assert session.updated_at == session.last_activity > made.updated_at
        assert session.expires_at == made.expires_at

    async def test_update_sorts_declared_fields_from_metadata(self, store: Store) -> None:
        """Keys that are no Python names, or names of the method's own parameters, are welcome."""
        await store.create(ID, kept=1)
        applied = await store.update(
            ID, {"session-note": 1, "mapping": 2, "self": 3, "é\n": 4}, topic="t", note=None
        )
        session = await present(store)
        assert (applied.revision, session.topic) == (2, "t")
        assert session.metadata == {
            "kept": 1, "session-note": 1, "mapping": 2, "self": 3, "é\n": 4, "note": None
        }  # fmt: skip

    async def test_a_metadata_key_may_have_the_name_of_a_field(self, store: Store) -> None:
        """They are two values."""
        await store.create(ID, topic="field", metadata={"topic": "key"})
        await store.update(ID, metadata={"topic": "other key", "tags": 1})
        session = await present(store)
        assert (session.topic, session.metadata) == ("field", {"topic": "other key", "tags": 1})
        assert session.tags == []

    async def test_unset_removes_zeroes_and_lowers(self, store: Store) -> None:
        """A lowered flag can be raised again; what is not there can be unset."""
        await store.create(ID, topic="t", visits=3, escalated=True, note=1)
        await store.apply(ID, Change(unset=["topic", "visits", "escalated", "note", "never"]))
        session = await present(store)
        assert (session.topic, session.visits, session.escalated) == (None, 0, False)
        assert session.metadata == {}
        assert await store.claim(ID, "escalated") is True

    async def test_an_empty_change_is_a_revision(self, store: Store) -> None:
        """It conflicts with whoever read before it."""
        await store.create(ID)
        assert (await store.apply(ID, Change())).revision == 2

    async def test_increments_answer_the_value_after_themselves(self, store: Store) -> None:
        """Up, down to zero, and to the limit of the call."""
        await store.create(ID)
        assert await store.increment_counter(ID, "visits") == 1
        assert await store.increment_counter(ID, "visits", 9, at_most=10) == 10
        assert await store.increment_counter(ID, "visits", -10) == 0
        assert await store.increment_counter(ID, "visits", 2**53 - 1) == 2**53 - 1

    async def test_a_flag_is_claimed_once(self, store: Store) -> None:
        """Whether it was claimed, set, or created raised."""
        await store.create(ID, answered=True)
        assert await store.claim(ID, "answered") is False
        assert await store.claim(ID, "escalated") is True
        assert await store.claim(ID, "escalated") is False
        await store.update(ID, escalated=False)
        assert await store.claim(ID, "escalated") is True

    async def test_a_revision_can_be_demanded(self, store: Store) -> None:
        """The right one passes once."""
        made = await store.create(ID)
        change = Change(add={"visits": 1}).at(made.incarnation, 1)
        await store.apply(ID, change)
        async with unchanged(store):
            with pytest.raises(RevisionConflict) as caught:
                await store.apply(ID, change)
            with pytest.raises(RevisionConflict):
                await store.apply(ID, Change(expect_revision=2, expect_incarnation="another"))
        assert (caught.value.expected, caught.value.found) == (1, 2)


REFUSED: dict[str, tuple[Change, type[HoldfastError], dict[str, object]]] = {
    "over the limit of the change": (
        Change(add={"visits": 2}, at_most={"visits": 6}), LimitReached,
        {"counter": "visits", "value": 5, "limit": 6},
    ),
    "over the limit of the model": (
        Change(add={"places": 11}), LimitReached, {"counter": "places", "value": 0, "limit": 10},
    ),
    "over what a counter can hold": (
        Change(add={"visits": 2**53 - 5}), LimitReached,
        {"counter": "visits", "value": 5, "limit": 2**53 - 1},
    ),
    "below zero": (
        Change(add={"visits": -6}), LimitReached, {"counter": "visits", "value": 5, "limit": 0},
    ),
    "one of two counters": (Change(add={"places": 1, "visits": -6}), LimitReached, {}),
    "a raised flag": (Change(claim=["escalated"]), FlagTaken, {"flag": "escalated"}),
    "one of two flags": (Change(claim=["answered", "escalated"]), FlagTaken, {"flag": "escalated"}),
    "another revision": (Change(expect_revision=7), RevisionConflict, {"expected": 7, "found": 1}),
    "no lease": (Change(lease_token="0" * 32), LeaseLost, {"session_id": ID}),
}  # fmt: skip


class RefusingChanges:
    """Nothing of a refused change is applied."""

    @pytest.mark.parametrize("why", REFUSED)
    async def test_nothing_of_a_refused_change_is_applied(self, store: Store, why: str) -> None:
        """State, log, times and revision stay; the error holds the facts."""
        change, error, facts = REFUSED[why]
        await store.create(ID, visits=5, escalated=True, topic="kept")
        await store.append(ID, "kept")
        change = Change(
            set={"topic": "lost", "note": 1}, unset=["tags"], add=change.add, claim=change.claim,
            at_most=change.at_most, append=["lost"], lease_token=change.lease_token,
            expect_revision=change.expect_revision,
        )  # fmt: skip
        async with unchanged(store):
            with pytest.raises(error) as caught:
                await store.apply(ID, change)
        assert type(caught.value) is error
        found = vars(caught.value)
        if "found" in facts:
            facts = {**facts, "found": 2}
        assert {name: found[name] for name in facts} == facts

    async def test_refusals_come_in_the_stated_order(self, store: Store) -> None:
        """Known change id, lease, revision, limits, flags."""
        await store.create(ID, escalated=True)
        parts = {
            "claim": ["escalated"], "add": {"visits": -1}, "expect_revision": 9,
            "lease_token": "0" * 32,
        }  # fmt: skip
        order = [LeaseLost, RevisionConflict, LimitReached, FlagTaken]
        for error in order:
            with pytest.raises(error):
                await store.apply(ID, Change(**parts))  # type: ignore[arg-type]
            parts.popitem()

    async def test_a_limit_lets_exactly_its_number_through(self, store: Store) -> None:
        """Of fifty that want one of ten, ten get it; each is told its own value."""

        async def take() -> int | None:
            try:
                return await store.increment_counter(ID, "places")
            except LimitReached:
                return None

        await store.create(ID)
        for _ in range(ROUNDS):
            values = await together(take() for _ in range(50))
            assert sorted(value for value in values if value) == list(range(1, 11))
            await store.apply(ID, Change(unset=["places"]))


class RacingChanges:
    """Nothing is lost, doubled, or won twice, however many come at once."""

    async def test_a_hundred_increments_return_each_value_once(self, store: Store) -> None:
        """Several rounds on one session."""
        await store.create(ID)
        for turn in range(ROUNDS):
            values = await together(store.increment_counter(ID, "visits") for _ in range(100))
            assert sorted(values) == list(range(turn * 100 + 1, turn * 100 + 101))

    async def test_one_of_fifty_claims_a_flag(self, store: Store) -> None:
        """Exactly one caller is told True."""
        await store.create(ID)
        for _ in range(ROUNDS):
            assert sum(await together(store.claim(ID, "escalated") for _ in range(50))) == 1
            await store.update(ID, escalated=False)

    async def test_fifty_updates_are_all_there(self, store: Store) -> None:
        """Each writes a key of its own."""
        await store.create(ID)
        for turn in range(ROUNDS):
            await together(store.update(ID, {f"{turn}-{place}": place}) for place in range(50))
        session = await present(store)
        assert len(session.metadata) == 50 * ROUNDS
        assert session.revision == 1 + 50 * ROUNDS

    async def test_fifty_transactions_lose_nothing(self, stores: Stores) -> None:
        """Read-modify-write from two stores at once: every addition counts."""
        first, second = await stores.open(), await stores.open()
        await first.create(ID, total=0)

        def add_one(session: Account) -> Change:
            total = session.metadata["total"]
            assert isinstance(total, int)
            return Change(set={"total": total + 1})

        for turn in range(1, ROUNDS + 1):
            await together((first, second)[place % 2].transact(ID, add_one) for place in range(50))
            assert (await present(first)).metadata == {"total": 50 * turn}

    async def test_a_transaction_begins_again_after_a_conflict(self, stores: Stores) -> None:
        """Its function sees the newer state, and the change keeps its other parts."""
        store, other = await stores.open(), await stores.open()
        await store.create(ID, topic="0")
        seen: list[str | None] = []
        release: list[object] = []

        def decide(session: Account) -> Change:
            seen.append(session.topic)
            return Change(set={"topic": f"{session.topic}+"}, append=[session.topic])

        original = store.get

        async def get_then_lose(session_id: str, *, fresh: bool = False) -> Account | None:
            session = await original(session_id, fresh=fresh)
            if not release:
                release.append(await other.update(ID, topic="1"))
            return session

        store.get = get_then_lose  # type: ignore[method-assign]
        applied = await store.transact(ID, decide)
        assert seen == ["0", "1"]
        assert (applied.revision, (await present(other)).topic) == (3, "1+")
        assert [item.value for item in await other.items(ID)] == ["1"]

    async def test_a_transaction_whose_function_fails_changes_nothing(self, store: Store) -> None:
        """Its error reaches the caller, and the next transaction goes ahead."""

        def fail(_: Account) -> Change:
            raise LookupError("nothing to do")

        await store.create(ID)
        async with unchanged(store):
            with pytest.raises(LookupError):
                await store.transact(ID, fail)
        assert (await store.transact(ID, lambda _: Change(set={"topic": "t"}))).revision == 2


class ReplayingChanges:
    """A change id is applied once, and answered as it was the first time."""

    second: float

    async def test_a_known_change_is_answered_and_not_applied(self, store: Store) -> None:
        """Also after later changes: the answer is that of then."""
        await store.create(ID)
        change = Change(
            change_id="mine", set={"topic": "once"}, add={"visits": 1}, append=["a", "b"],
            claim=["escalated"], at_most={"visits": 1}, unset=["note"],
        )  # fmt: skip
        first = await store.apply(ID, change)
        await store.apply(ID, Change(set={"topic": "later"}, append=["c"], unset=["visits"]))
        async with unchanged(store):
            again = await store.apply(ID, change)
        assert again == first._replace(replayed=True)
        assert first.replayed is False

    async def test_a_change_sent_twenty_times_at_once_is_applied_once(self, store: Store) -> None:
        """All callers get the same numbers."""
        await store.create(ID)
        for turn in range(1, ROUNDS + 1):
            change = Change(change_id=f"c{turn}", add={"visits": 1}, append=[turn])
            answers = await together(store.apply(ID, change) for _ in range(20))
            assert sum(answer.replayed for answer in answers) == 19
            assert {answer.counters["visits"] for answer in answers} == {turn}
            assert {answer.last_item for answer in answers} == {turn}

    @pytest.mark.parametrize(
        "other",
        [
            Change(change_id="mine", set={"topic": "b"}, add={"visits": 1}, append=["x"]),
            Change(change_id="mine", set={"topic": "a"}, add={"visits": 2}, append=["x"]),
            Change(change_id="mine", set={"topic": "a"}, add={"visits": 1}, append=["y"]),
            Change(change_id="mine", set={"topic": "a"}, add={"visits": 1}),
            Change(change_id="mine"),
        ],
    )
    async def test_a_known_id_with_other_content_is_refused(
        self, store: Store, other: Change
    ) -> None:
        """It would otherwise be answered as if it had been applied."""
        await store.create(ID)
        await store.apply(
            ID, Change(change_id="mine", set={"topic": "a"}, add={"visits": 1}, append=["x"])
        )
        async with unchanged(store):
            with pytest.raises(InvalidSession) as caught:
                await store.apply(ID, other)
        assert caught.value.field == "change_id"

    async def test_a_refused_change_can_be_sent_again(self, store: Store) -> None:
        """It was not applied, so its id is not known."""
        await store.create(ID, escalated=True)
        change = Change(change_id="mine", claim=["escalated"])
        with pytest.raises(FlagTaken):
            await store.apply(ID, change)
        await store.update(ID, escalated=False)
        assert (await store.apply(ID, change)).replayed is False

    async def test_a_known_change_is_answered_whatever_its_conditions(self, store: Store) -> None:
        """Its lease may be over and its revision past: it has been applied."""
        made = await store.create(ID)
        async with store.lease(ID) as lease:
            change = Change(change_id="mine", add={"visits": 1}).at(made.incarnation, 1)
            first = await lease.apply(change)
        again = await store.apply(ID, change.under(lease.token))
        assert again == first._replace(replayed=True)

    async def test_ids_belong_to_their_session(self, store: Store) -> None:
        """The same id on another session, or in a later life of this one, is another change."""
        change = Change(change_id="mine", add={"visits": 1})
        for session_id in ("one", "two"):
            await store.create(session_id)
            assert (await store.apply(session_id, change)).replayed is False
        await store.delete("one")
        with pytest.raises(SessionNotFound):
            await store.apply("one", change)
        await store.create("one")
        assert (await store.apply("one", change)).replayed is False

    async def test_the_last_256_ids_are_known(self, store: Store) -> None:
        """Also when other changes came between."""
        await store.create(ID)
        for place in range(256):
            await store.apply(ID, Change(change_id=f"c{place}", add={"visits": 1}))
        answers = await together(
            store.apply(ID, Change(change_id=f"c{place}", add={"visits": 1}))
            for place in range(256)
        )
        assert [answer.counters["visits"] for answer in answers] == list(range(1, 257))
        assert all(answer.replayed for answer in answers)
        assert (await present(store)).visits == 256

    async def test_a_change_is_known_after_a_rotation_of_keys(
        self, store: Store, stores: Stores
    ) -> None:
        """The same content has the same digest under a newer key."""
        await store.create(ID)
        change = Change(change_id="mine", set={"topic": "t"}, add={"visits": 1})
        await store.apply(ID, change)
        rotated = await stores.open(keys=NEWER_KEYS)
        assert (await rotated.apply(ID, change)).replayed is True
        assert (await present(rotated)).visits == 1

    async def test_a_change_is_known_for_as_long_as_its_session_lives(
        self, store: Store, advance: Advance
    ) -> None:
        """Not only for a while."""
        await store.create(ID, ttl=60 * self.second)
        change = Change(change_id="mine", add={"visits": 1})
        await store.apply(ID, change)
        await advance(54)
        assert (await store.apply(ID, change)).replayed is True
