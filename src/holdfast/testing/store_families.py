"""Families of counters: each counter is known by its key, and gone where it comes to 0."""

from typing import Any

import pytest

from holdfast.change import Change
from holdfast.errors import InvalidSession, LimitReached
from holdfast.testing.store_steps import ID, Store, present, unchanged


class CountingByKey:
    """What a change adds to `family.key`, a session shows under the key."""

    async def test_counters_of_a_family_are_known_by_their_keys(self, store: Store) -> None:
        """Each is added to by its own name; one that came to 0 is gone."""
        await store.create(ID, bought={"tea": 2, "cake": 1, "nothing": 0})
        assert (await present(store)).bought == {"tea": 2, "cake": 1}
        added = {"bought.tea": 3, "bought.cake": -1, "bought.A_9": 1}
        applied = await store.apply(ID, Change(add=added, set={"bought.jam": 7}))
        assert applied.counters["bought.tea"] == 5
        assert (await present(store)).bought == {"tea": 5, "A_9": 1, "jam": 7}
        async with unchanged(store):
            with pytest.raises(LimitReached) as caught:
                await store.apply(ID, Change(add={"bought.cake": -1, "visits": 1}))
            assert (caught.value.counter, caught.value.value) == ("bought.cake", 0)
            with pytest.raises(LimitReached):
                await store.apply(ID, Change(add={"bought.tea": 1}, at_most={"bought.tea": 5}))
        await store.set(await present(store))
        await store.apply(ID, Change(unset=["bought.jam", "bought.never"]))
        assert (await present(store)).bought == {"tea": 5, "A_9": 1}
        assert (await present(store)).model_dump()["bought"] == {"tea": 5, "A_9": 1}

    @pytest.mark.parametrize(
        "change",
        [
            {"set": {"bought": {"tea": 1}}}, {"unset": ["bought"]}, {"add": {"bought": 1}},
            {"set": {"bought.a b": 1}}, {"add": {"bought.": 1}}, {"add": {"bought.a.b": 1}},
            {"add": {"bought." + "k" * 65: 1}}, {"set": {"bought.tea": -1}},
            {"claim": ["bought.tea"]}, {"set": {"bought.tea": True}},
            {"add": {"other.tea": 1}}, {"unset": ["bought.\n"]},
        ],
    )  # fmt: skip
    async def test_a_family_is_changed_counter_by_counter(
        self, store: Store, change: dict[str, Any]
    ) -> None:
        """The family as a whole, and a key that no counter can have, are refused."""
        await store.create(ID, bought={"tea": 2})
        async with unchanged(store):
            with pytest.raises(InvalidSession):
                await store.apply(ID, Change(**change))
