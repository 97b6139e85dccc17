"""Changes sent again after a long time: what became of them is told, or that nobody knows."""

import asyncio
from typing import Final

import pytest

from holdfast.change import Change
from holdfast.errors import StoreUnavailable
from holdfast.testing.store_steps import ID, Store, present, unchanged

# How many later changes a session surely does not look back over.
MANY: Final = 1024


async def pass_by(store: Store) -> int:
    """Have the session remember many other changes; give the revision that it is at then."""
    others = (Change(change_id=f"other {number}") for number in range(MANY))
    made = await asyncio.gather(*(store.apply(ID, other) for other in others))
    return max(applied.revision for applied in made)


class RepeatingChanges:
    """A change sent again says which revision was known when it was sent first."""

    async def test_a_repetition_in_time_is_answered_like_the_first(self, store: Store) -> None:
        """It was applied, and is not applied again."""
        known = (await store.create(ID)).revision
        first = await store.apply(ID, Change(change_id="mine", add={"visits": 1}))
        again = Change(change_id="mine", add={"visits": 1}, known_revision=known)
        assert await store.apply(ID, again) == first._replace(replayed=True)

    async def test_a_repetition_of_what_never_arrived_is_applied(self, store: Store) -> None:
        """Nothing has been forgotten since it was sent."""
        await store.create(ID)
        known = await pass_by(store)
        again = Change(change_id="mine", add={"visits": 1}, known_revision=known)
        applied = await store.apply(ID, again)
        assert (applied.replayed, applied.counters["visits"]) == (False, 1)

    async def test_a_repetition_that_comes_too_late_is_not_guessed(self, store: Store) -> None:
        """The outcome is unknown, and the session is as it was."""
        known = (await store.create(ID)).revision
        await store.apply(ID, Change(change_id="mine", add={"visits": 1}))
        await pass_by(store)
        for revision in (known, 0):
            again = Change(change_id="mine", add={"visits": 1}, known_revision=revision)
            async with unchanged(store):
                with pytest.raises(StoreUnavailable, match="read the session") as caught:
                    await store.apply(ID, again)
            assert caught.value.outcome == "unknown"
        assert (await present(store)).visits == 1

    async def test_a_repetition_for_an_earlier_session_is_not_guessed(self, store: Store) -> None:
        """It says which incarnation was known; that one has ended, and another has its id."""
        made = await store.create(ID)
        again = Change(
            change_id="mine", add={"visits": 1},
            known_revision=1, expect_incarnation=made.incarnation,
        )  # fmt: skip
        assert (await store.apply(ID, again)).counters["visits"] == 1
        await store.delete(ID)
        await store.create(ID)
        async with unchanged(store):
            with pytest.raises(StoreUnavailable, match="read the session") as caught:
                await store.apply(ID, again)
        assert caught.value.outcome == "unknown"
