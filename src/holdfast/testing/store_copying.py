"""What is read: exactly what was written, and nobody's to alter."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any, Final

import pytest
from pydantic import ValidationError

from holdfast.change import Change
from holdfast.session import Session
from holdfast.testing.store_steps import ID, Account, Profile, Store, Stores, plain, present

FAITHFUL: Final[list[Any]] = [
    [], {}, [[]], [{}], {"a": []}, {"a": {}}, [[], {}, [[], [{}]]], None, True, False, 0, -0.0, 1,
    1.0, 0.1, 1e300, 5e-324, -1.5e-7, 1e16, 12345678901234567, 2**53, 2**53 + 1, 2**63, 2**64,
    -(2**100), 0.30000000000000004, 1700000000.123456, "", "é", "\u2028", "\x00", "\n\t\\\"'/",
    "a/b", "😀", "\u0301", {"": 1}, {"é": "É"}, {"a.b": {"$c": 1}}, "NaN", "null", "[]",
    "2020-01-01", [1, 1.0, "1", True, None], {"1": 1, "01": 2}, {"b": 1, "a": 2}, [[0] * 100] * 10,
]  # fmt: skip

Alteration = Callable[[Any], object]
ALTERATIONS: Final[dict[str, Alteration]] = {
    "a key set": lambda metadata: metadata.__setitem__("new", 1),
    "a key removed": lambda metadata: metadata.__delitem__("list"),
    "a key popped": lambda metadata: metadata.pop("list"),
    "an item popped": lambda metadata: metadata.popitem(),
    "cleared": lambda metadata: metadata.clear(),
    "updated": lambda metadata: metadata.update(a=1),
    "merged in place": lambda metadata: metadata.__ior__({"a": 1}),
    "a default set": lambda metadata: metadata.setdefault("new", []),
    "appended deep inside": lambda metadata: metadata["list"][0]["deep"].append(1),
    "extended": lambda metadata: metadata["list"].extend([1]),
    "inserted": lambda metadata: metadata["list"].insert(0, 1),
    "assigned": lambda metadata: metadata["list"].__setitem__(0, 1),
    "added in place": lambda metadata: metadata["list"].__iadd__([1]),
    "multiplied in place": lambda metadata: metadata["list"].__imul__(2),
    "deleted": lambda metadata: metadata["list"].__delitem__(0),
    "removed": lambda metadata: metadata["list"].remove(metadata["list"][0]),
    "sorted": lambda metadata: metadata["list"].sort(),
    "reversed": lambda metadata: metadata["list"].reverse(),
    "emptied": lambda metadata: metadata["list"].clear(),
    "popped deep inside": lambda metadata: metadata["list"].pop(),
}


def same(found: Any, given: Any) -> bool:
    """Compare with types: 1, 1.0 and True are three things."""
    return json.dumps(found) == json.dumps(given)


class KeepingValues:
    """JSON comes back exactly as it went in."""

    async def test_values_come_back_exactly(self, store: Store) -> None:
        """In metadata and in the log, alone and side by side; integers stay integers."""
        await store.create(ID, metadata={f"created{n}": value for n, value in enumerate(FAITHFUL)})
        await store.update(ID, {f"updated{n}": value for n, value in enumerate(FAITHFUL)})
        await store.append(ID, *FAITHFUL)
        session = await present(store)
        for number, value in enumerate(FAITHFUL):
            assert same(session.metadata[f"created{number}"], value)
            assert same(session.metadata[f"updated{number}"], value)
        assert [same(item.value, value) for item, value in zip(
            await store.items(ID), FAITHFUL, strict=True
        )] == [True] * len(FAITHFUL)  # fmt: skip

    async def test_declared_values_come_back_as_their_types(self, store: Store) -> None:
        """Nested models too, also when they were given as mappings."""
        profile = Profile(name="Ann", languages=["en", "é"])
        await store.create(ID, profile=profile, tags=["b", "a", "b"])
        assert (await present(store)).profile == profile
        await store.update(ID, profile={"name": "Bo"})
        session = await present(store)
        assert session.profile == Profile(name="Bo")
        assert session.tags == ["b", "a", "b"]

    async def test_nesting_comes_back_as_deep_as_it_is_taken(self, store: Store) -> None:
        """What is accepted can be read again."""
        value: Any = 1
        for depth in range(1, 190):
            value = [value] if depth % 2 else {"k": value}
        await store.create(ID, note=value)
        await store.append(ID, value)
        assert (await present(store)).metadata == {"note": value}
        assert (await store.items(ID))[0].value == value

    async def test_a_model_may_grow_and_shrink(self, stores: Stores) -> None:
        """A session older than a field has its default; one younger than a field is still read."""
        grown = await stores.open()
        small = await stores.open(model=Smaller)
        await small.create("old", topic="t")
        await grown.create("new", topic="t", tags=["x"], visits=3)
        assert plain(await present(grown, "old")) == plain(Account(session_id="old", topic="t"))
        assert (await present(small, "new")).topic == "t"
        await small.update("new", topic="u")
        assert (await present(grown, "new")).tags == ["x"]
        assert (await present(grown, "new")).visits == 3
        assert await grown.increment_counter("old", "visits") == 1


class Smaller(Session):
    """An earlier version of the model, with one field."""

    topic: str | None = None


class CopyingValues:
    """Nothing that a caller does to a value reaches the store or another caller."""

    async def test_altering_what_was_given_alters_nothing(self, store: Store) -> None:
        """Values are taken when they are given."""
        given: dict[str, Any] = {"list": [{"deep": [1]}]}
        tags = ["a"]
        await store.create(ID, tags=tags, metadata=given)
        await store.append(ID, given)
        change = Change(set={"other": given["list"]}, append=[given])
        given["list"][0]["deep"].append("altered")
        given["new"] = 1
        tags.append("altered")
        session = await present(store)
        assert (session.metadata, session.tags) == ({"list": [{"deep": [1]}]}, ["a"])
        assert [item.value for item in await store.items(ID)] == [{"list": [{"deep": [1]}]}]
        await store.apply(ID, change)
        given["list"][0]["deep"].clear()
        assert (await present(store)).metadata["other"] == [{"deep": [1, "altered"]}]

    async def test_what_was_read_cannot_be_altered(self, store: Store) -> None:
        """Neither in a snapshot nor in an item; other readers have the same one."""
        value = {"list": [{"deep": [1]}]}
        made = await store.create(ID, metadata=value)
        await store.append(ID, value)
        [item] = await store.items(ID)
        for read in (made.metadata, (await present(store)).metadata, item.value):
            for alter in ALTERATIONS.values():
                with pytest.raises(TypeError, match="snapshot"):
                    alter(read)
        assert (await present(store)).metadata == value
        assert (await store.items(ID))[0].value == value

    async def test_fields_cannot_be_assigned(self, store: Store) -> None:
        """A snapshot is a value; so are the models inside it."""
        session = await store.create(ID, profile=Profile(name="Ann", languages=["en"]))
        for name in Account.model_fields:
            with pytest.raises(ValidationError):
                setattr(session, name, None)
        assert session.profile is not None
        with pytest.raises(ValidationError):
            session.profile.name = "Bo"  # type: ignore[misc]
        with pytest.raises(TypeError):
            session.profile.languages.append("fr")
        with pytest.raises(TypeError):
            session.tags.append("x")

    async def test_a_copy_is_the_caller_s_own(self, store: Store) -> None:
        """Deep copies, pickles and dumps are plain containers, free to be altered."""
        session = await store.create(ID, metadata={"list": [{"deep": [1]}]})
        copies: list[Any] = [
            copy.deepcopy(session.metadata),
            pickle.loads(pickle.dumps(session.metadata)),  # noqa: S301 - just written
            session.model_dump()["metadata"],
            json.loads(session.model_dump_json())["metadata"],
        ]
        for copied in copies:
            copied["list"][0]["deep"].append(2)
        assert pickle.loads(pickle.dumps(session)) == session  # noqa: S301 - just written
        assert (await present(store)).metadata == {"list": [{"deep": [1]}]}

    async def test_an_older_snapshot_stays_as_it_was(self, store: Store) -> None:
        """Whatever becomes of its session."""
        first = await store.create(ID, topic="first", note=[1])
        await store.update(ID, topic="second", note=[2])
        await store.delete(ID)
        assert (first.topic, first.metadata, first.revision) == ("first", {"note": [1]}, 1)
