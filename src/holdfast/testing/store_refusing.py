"""Bad input: an error that names the field and the rule, and nothing is changed."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from holdfast.change import Change
from holdfast.errors import InvalidSession
from holdfast.session import SessionFilter
from holdfast.testing.store_steps import ID, OTHER, Account, Store, Stores, present, unchanged

Call = Callable[[Store], Coroutine[Any, Any, Any]]

BAD_IDS: Final = [
    "", " ", "a b", "a" * 256, "a/b", "a?b", "a#b", "a%b", "a\\b", "{a}", "a\n", "a\x00", "é",
    "count", ".", "..", None, 5, b"a",
]  # fmt: skip
GOOD_IDS: Final = [
    "o'brien",
    "a" * 255,
    "a",
    "drop-table;--",
    "a:b@c!$&()*+,=~|^`<>[]\"'",
    "count2",
]


def nested(depth: int) -> list[Any]:
    """Make lists in lists."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def circle() -> list[Any]:
    """Make a list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


async def enter(store: Store, session_id: str = ID, **terms: float) -> None:
    """Take and give back a lease."""
    async with store.lease(session_id, **terms):  # type: ignore[arg-type]
        pytest.fail("a lease on impossible terms was granted")


async def follow(store: Store, session_id: str) -> None:
    """Watch a session to its end."""
    async for revision in store.watch(session_id):
        pytest.fail(f"a watch began at {revision}")


BAD_VALUES: Final[dict[str, object]] = {
    "NaN": float("nan"),
    "infinity": float("-inf"),
    "bytes": b"x",
    "a tuple": (1, 2),
    "a set": {1},
    "an object": object(),
    "a lone surrogate": "\ud800",
    "a lone surrogate in a key": {"\udfff": 1},
    "a key that is no string": {1: 2},
    "NaN deep inside": {"a": [{"b": float("nan")}]},
    "a cycle": circle(),
    "lists nested 199 deep": nested(199),
    "lists nested 250 deep": nested(250),
    "lists nested 100,000 deep": nested(100_000),
    "more than a megabyte": "x" * 1_000_001,
    "more than a megabyte of two-byte characters": "é" * 500_001,
    "more digits than can be written": 10**5000,
}

BAD_FIELDS: Final[dict[str, tuple[str, object]]] = {
    "a counter below zero": ("visits", -1),
    "a counter beyond 2^53 - 1": ("visits", 2**53),
    "a counter beyond its own limit": ("places", 11),
    "a counter that is a string": ("visits", "1"),
    "a counter that is a bool": ("visits", True),
    "a counter that is a float": ("visits", 1.0),
    "a counter that is None": ("visits", None),
    "a flag that is an integer": ("escalated", 1),
    "a flag that is a string": ("escalated", "yes"),
    "a value of a wrong type": ("topic", 5),
    "a list with a wrong type": ("tags", ["a", 5]),
    "a nested value without a field": ("profile", {"languages": []}),
    "a declared value with a lone surrogate": ("topic", "\ud800"),
    "a declared value over a megabyte": ("topic", "x" * 1_000_001),
    "a field of the store": ("revision", 5),
    "the incarnation": ("incarnation", "x"),
    "the deadline": ("expires_at", "2030-01-01"),
    "metadata that is no mapping": ("metadata", [1]),
    "metadata with a key that is no string": ("metadata", {5: 1}),
}

BAD_CHANGES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "a counter that is not declared": ("nobody", {"add": {"nobody": 1}}),
    "a value as a counter": ("topic", {"add": {"topic": 1}}),
    "a flag as a counter": ("escalated", {"add": {"escalated": 1}}),
    "a flag that is not declared": ("nobody", {"claim": ["nobody"]}),
    "a counter as a flag": ("visits", {"claim": ["visits"]}),
    "a delta beyond 2^53 - 1": ("visits", {"add": {"visits": 2**53}}),
    "a delta that is a float": ("visits", {"add": {"visits": 1.0}}),
    "a delta that is a bool": ("visits", {"add": {"visits": True}}),
    "a limit below zero": ("at_most", {"add": {"visits": 1}, "at_most": {"visits": -1}}),
    "a limit that is a string": ("at_most", {"add": {"visits": 1}, "at_most": {"visits": "9"}}),
    "a limit of nothing": ("at_most", {"at_most": {"visits": 9}}),
    "a name twice": ("change", {"set": {"visits": 1}, "add": {"visits": 1}}),
    "a name set and unset": ("change", {"set": {"note": 1}, "unset": ["note"]}),
    "the user": ("user_id", {"set": {"user_id": "bob"}}),
    "unsetting the user": ("user_id", {"unset": ["user_id"]}),
    "unsetting all metadata": ("metadata", {"unset": ["metadata"]}),
    "an unset name that is no string": ("unset", {"unset": [5]}),
    "an unset name with a lone surrogate": ("unset", {"unset": ["\ud800"]}),
    "an unset name that is empty": ("unset", {"unset": [""]}),
    "one name in place of a list": ("claim", {"claim": "escalated"}),
    "names in place of a list": ("unset", {"unset": {"note": 1}}),
    "no list": ("append", {"append": 5}),
    "a claim that is no name": ("claim", {"claim": [["escalated"]]}),
    "values in place of a mapping": ("set", {"set": ["topic"]}),
    "names in place of deltas": ("add", {"add": ["visits"]}),
    "names in place of limits": ("at_most", {"add": {"visits": 1}, "at_most": ["visits"]}),
    "an empty change id": ("change_id", {"change_id": ""}),
    "a change id too long": ("change_id", {"change_id": "x" * 256}),
    "a change id that is no string": ("change_id", {"change_id": 5}),
    "a change id with a lone surrogate": ("change_id", {"change_id": "\ud800"}),
    "a revision that is no integer": ("expect_revision", {"expect_revision": "1"}),
    "an incarnation that is no string": ("expect_incarnation", {"expect_incarnation": 1}),
    "a lease token that is no string": ("lease_token", {"lease_token": 5}),
}

BAD_CALLS: Final[dict[str, tuple[str, Call]]] = {
    "no time": ("ttl", lambda store: store.create(OTHER, ttl=0)),
    "less than no time": ("ttl", lambda store: store.create(OTHER, ttl=-1)),
    "more time than the greatest age": ("ttl", lambda store: store.create(OTHER, ttl=86_401)),
    "a time that is NaN": ("ttl", lambda store: store.create(OTHER, ttl=float("nan"))),
    "endless time": ("ttl", lambda store: store.create(OTHER, ttl=float("inf"))),
    "a time that is a bool": ("ttl", lambda store: store.create(OTHER, ttl=True)),
    "a time that is a string": ("ttl", lambda store: store.create(OTHER, ttl="60")),  # type: ignore[arg-type]
    "no time to get": ("ttl", lambda store: store.get_or_create(OTHER, ttl=0)),
    "no time to set": ("ttl", lambda store: store.set(Account(session_id=OTHER), ttl=0)),
    "no time to extend": ("ttl", lambda store: store.extend(ID, 0)),
    "too much time to extend": ("ttl", lambda store: store.extend(ID, 86_401)),
    "an empty user": ("user_id", lambda store: store.create(OTHER, user_id="")),
    "a user too long": ("user_id", lambda store: store.create(OTHER, user_id="x" * 256)),
    "a user that is no string": ("user_id", lambda store: store.create(OTHER, user_id=5)),  # type: ignore[arg-type]
    "a user of half a character": ("user_id", lambda store: store.create(OTHER, user_id="\ud800")),
    "a page of none": ("limit", lambda store: store.list_active(limit=0)),
    "a page too large": ("limit", lambda store: store.list_active(limit=1001)),
    "a cursor of nobody's": ("cursor", lambda store: store.list_active(cursor="no cursor")),
    "a cursor that is no string": ("cursor", lambda store: store.list_active(cursor=5)),  # type: ignore[arg-type]
    "a filter on a value": (
        "filter", lambda store: store.list_active(filter=SessionFilter(between={"topic": (0, 1)})),
    ),
    "a cleanup of none": ("limit", lambda store: store.cleanup_expired(limit=0)),
    "no snapshot": ("session", lambda store: store.set({"session_id": ID})),  # type: ignore[arg-type]
    "a lease of no time": ("ttl", lambda store: enter(store, ttl=0)),
    "a lease of too much time": ("ttl", lambda store: enter(store, ttl=3601)),
    "a wait below zero": ("wait", lambda store: enter(store, wait=-1)),
    "a wait that is NaN": ("wait", lambda store: enter(store, wait=float("nan"))),
}  # fmt: skip


BAD_KEYS: Final[list[Any]] = ["", "k" * 256, "\ud800", 5, None, b"k"]
OF_THE_STORE: Final = ("revision", "incarnation", "expires_at")

BAD_TERMS: Final[dict[str, list[Any]]] = {
    "namespace": ["", "a/b", "a b", "x" * 65, "~", "~a/b", "é", None, 5],
    "ttl": [0, -1, 86_401, float("nan"), "60", True],
    "max_age": [0, -1, float("inf"), float("nan"), "60", None],
    "max_items": [0, -1, 1_000_001, 1.0, "5", True],
    "deadline": [0, -1, 3601, float("nan"), "5", None],
}

CALLS_BY_ID: Final[dict[str, Callable[[Store, Any], Coroutine[Any, Any, Any]]]] = {
    "create": lambda store, session_id: store.create(session_id),
    "get": lambda store, session_id: store.get(session_id),
    "get_or_create": lambda store, session_id: store.get_or_create(session_id),
    "update": lambda store, session_id: store.update(session_id, topic="t"),
    "touch": lambda store, session_id: store.touch(session_id),
    "extend": lambda store, session_id: store.extend(session_id, 60),
    "delete": lambda store, session_id: store.delete(session_id),
    "exists": lambda store, session_id: store.exists(session_id),
    "append": lambda store, session_id: store.append(session_id, 1),
    "items": lambda store, session_id: store.items(session_id),
    "pop_item": lambda store, session_id: store.pop_item(session_id),
    "clear_items": lambda store, session_id: store.clear_items(session_id),
    "transact": lambda store, session_id: store.transact(session_id, lambda _: Change()),
    "get_batch": lambda store, session_id: store.get_batch([ID, session_id]),
    "delete_batch": lambda store, session_id: store.delete_batch([ID, session_id]),
    "keep_draft": lambda store, session_id: store.keep_draft(session_id, "draft"),
    "read_draft": lambda store, session_id: store.read_draft(session_id),
    "lease": enter,
    "watch": follow,
}

CALLS_WITH_A_VALUE: Final[
    dict[str, tuple[Callable[[Store, Any], Coroutine[Any, Any, Any]], str]]
] = {
    "update": (lambda store, value: store.update(ID, note=value), "metadata.note"),
    "apply": (
        lambda store, value: store.apply(ID, Change(set={"metadata": {"note": value}})),
        "metadata.note",
    ),
    "create": (lambda store, value: store.create(OTHER, note=value), "metadata.note"),
    "append": (lambda store, value: store.append(ID, "fine", value), "append"),
    "keep_draft": (lambda store, value: store.keep_draft(ID, [value]), "draft"),
}

CALLS_WITH_A_FIELD: Final[
    dict[str, Callable[[Store, Account, str, Any], Coroutine[Any, Any, Any]]]
] = {
    "update": lambda store, _, field, value: store.update(ID, {field: value}),
    "create": lambda store, _, field, value: store.create(OTHER, **{field: value}),
    "get_or_create": lambda store, _, field, value: store.get_or_create(
        OTHER, factory=lambda: {field: value}
    ),
    "set": lambda store, made, field, value: store.set(made.model_copy(update={field: value})),
}


@asynccontextmanager
async def refused(store: Store, *fields: str, what: str) -> AsyncGenerator[None]:
    """Fail unless the block is refused for one of the fields, and nothing is changed."""
    async with unchanged(store):
        with pytest.raises(InvalidSession) as caught:  # noqa: PT012 - the failure names the input
            yield
            pytest.fail(f"taken without an error: {what}")
        assert caught.value.field in fields, what
        assert len(str(caught.value)) < 500, what


class RefusingInput:
    """The error names the field; the session and its neighbours stay as they are."""

    async def test_an_impossible_id_is_refused_by_every_method(self, store: Store) -> None:
        """Before anything is asked of the backend."""
        await store.create(ID)
        for session_id in BAD_IDS:
            for name, call in CALLS_BY_ID.items():
                if (session_id, name) != (None, "create"):
                    async with refused(store, "session_id", what=f"{name}({session_id!r})"):
                        await call(store, session_id)

    async def test_every_other_id_is_a_name_like_any(self, store: Store) -> None:
        """No word is forbidden, no character has a meaning."""
        for session_id in GOOD_IDS:
            await store.create(session_id, topic=session_id)
        for session_id in GOOD_IDS:
            assert (await present(store, session_id)).topic == session_id
            assert await store.delete(session_id) is True

    async def test_a_value_that_is_no_json_is_refused(self, store: Store) -> None:
        """In metadata and in the log, at creation and in a change."""
        await store.create(ID, note="kept")
        for what, value in BAD_VALUES.items():
            for name, (call, field) in CALLS_WITH_A_VALUE.items():
                async with refused(store, field, what=f"{name}: {what}"):
                    await call(store, value)
        assert await store.get(OTHER) is None

    async def test_an_impossible_metadata_key_is_refused(self, store: Store) -> None:
        """A key is a string of 1-255 characters."""
        await store.create(ID)
        for key in BAD_KEYS:
            for values in ({key: 1}, {"metadata": {key: 1}}):
                async with refused(store, "metadata", what=repr(values)):
                    await store.update(ID, values)

    async def test_a_wrong_value_for_a_field_is_refused(self, store: Store) -> None:
        """At creation, by a factory, in an update and in a snapshot."""
        made = await store.create(ID, visits=1, topic="kept")
        for what, (field, value) in BAD_FIELDS.items():
            for name, call in CALLS_WITH_A_FIELD.items():
                if name == "set" and field in OF_THE_STORE:
                    continue
                async with refused(store, field, "metadata", what=f"{name}: {what}"):
                    await call(store, made, field, value)
        assert await store.get(OTHER) is None

    async def test_an_impossible_change_is_refused(self, store: Store) -> None:
        """When it is made, or when it is applied; the rest of it is not applied."""
        await store.create(ID, user_id="ann", note="kept", visits=1)
        for what, (field, parts) in BAD_CHANGES.items():
            async with refused(store, field, what=what):
                whole: dict[str, Any] = {"append": ["lost"], **parts}
                await store.apply(ID, Change(**whole))

    async def test_an_impossible_argument_is_refused(self, store: Store) -> None:
        """The argument is named."""
        await store.create(ID)
        for what, (field, call) in BAD_CALLS.items():
            async with refused(store, field, what=what):
                await call(store)

    async def test_metadata_holds_a_megabyte_in_all(self, store: Store) -> None:
        """Many small values count as one large one; what fits stays writable."""
        await store.create(ID, metadata={f"k{place}": "x" * 99_980 for place in range(9)})
        async with unchanged(store):
            for value in ("x" * 990_000, {"deep": ["x" * 500_000, "x" * 500_000]}):
                with pytest.raises(InvalidSession) as caught:
                    await store.update(ID, note=value)
                assert caught.value.field.startswith("metadata")
            with pytest.raises(InvalidSession, match="metadata"):
                await store.update(ID, {f"n{place}": "x" * 100_000 for place in range(3)})
            with pytest.raises(InvalidSession, match="metadata"):
                await store.create(
                    OTHER, metadata={f"n{place}": "x" * 99_980 for place in range(11)}
                )
        await store.update(ID, note="x" * 90_000)
        await store.update(ID, k0="small")

    async def test_what_can_be_created_can_be_changed(self, store: Store) -> None:
        """A session is never created larger than a change may leave it."""
        many = {f"{place:x}": 1 for place in range(40_000)}
        with pytest.raises(InvalidSession) as caught:
            await store.create(ID, metadata=many)
        assert caught.value.field == "metadata"
        assert await store.get(ID) is None

    async def test_terms_that_cannot_be_kept_are_refused(self, stores: Stores) -> None:
        """When the store is made."""
        for field, values in BAD_TERMS.items():
            for value in values:
                with pytest.raises(InvalidSession) as caught:
                    await stores.open(**{field: value})
                assert caught.value.field == field
