"""What was read cannot be altered, and is otherwise what it was."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter

from holdfast.freezing import FrozenDict, FrozenList, freeze

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)

DICT_MUTATORS: dict[str, Any] = {
    "__setitem__": ("a", 2),
    "__delitem__": ("a",),
    "__ior__": ({"b": 2},),
    "clear": (),
    "pop": ("a",),
    "popitem": (),
    "setdefault": ("b", 2),
    "update": ({"b": 2},),
}
LIST_MUTATORS: dict[str, Any] = {
    "__setitem__": (0, 9),
    "__delitem__": (0,),
    "__iadd__": ([9],),
    "__imul__": (2,),
    "append": (9,),
    "extend": ([9],),
    "insert": (0, 9),
    "remove": (3,),
    "pop": (),
    "clear": (),
    "sort": (),
    "reverse": (),
}


@given(json_values)
def test_a_frozen_value_is_equal_and_written_alike(value: Any) -> None:
    """To `==` both ways round, to `json`, and to pydantic."""
    frozen = freeze(value)
    assert frozen == value
    assert value == frozen
    assert json.dumps(frozen) == json.dumps(value)
    adapter: TypeAdapter[Any] = TypeAdapter(Any)
    assert adapter.dump_json(frozen) == adapter.dump_json(value)


@given(json_values)
def test_copies_are_free(value: Any) -> None:
    """A deep copy and a pickle are plain containers all the way down; so is what was frozen."""
    frozen = freeze(value)
    for copied in (copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        assert copied == value
        assert not holds_frozen(copied)
    assert not holds_frozen(value)


def holds_frozen(value: Any) -> bool:
    if isinstance(value, FrozenDict | FrozenList):
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(holds_frozen(entry) for entry in inner)


@pytest.mark.parametrize("name", DICT_MUTATORS)
def test_no_mutator_of_a_dictionary_works(name: str) -> None:
    """The error says what to do instead, and nothing has changed."""
    frozen = freeze({"a": 1})
    with pytest.raises(TypeError, match=r"Copy the value with dict\(\) or list\(\)"):
        getattr(frozen, name)(*DICT_MUTATORS[name])
    assert frozen == {"a": 1}


@pytest.mark.parametrize("name", LIST_MUTATORS)
def test_no_mutator_of_a_list_works(name: str) -> None:
    """The error says what to do instead, and nothing has changed."""
    frozen = freeze([3, 1])
    with pytest.raises(TypeError, match=r"Copy the value with dict\(\) or list\(\)"):
        getattr(frozen, name)(*LIST_MUTATORS[name])
    assert frozen == [3, 1]


@pytest.mark.parametrize(("kind", "plain"), [(FrozenDict, dict), (FrozenList, list)])
def test_no_mutator_was_forgotten(kind: type, plain: type) -> None:
    """Every method of the plain container that is not among the harmless ones is refused."""
    harmless = {
        "__class_getitem__", "__contains__", "__eq__", "__ge__", "__getattribute__", "__getitem__",
        "__gt__", "__init__", "__iter__", "__le__", "__len__", "__lt__", "__ne__", "__new__",
        "__repr__", "__reversed__", "__sizeof__", "__or__", "__ror__", "__add__", "__mul__",
        "__rmul__", "copy", "fromkeys", "get", "items", "keys", "values", "count", "index",
    }  # fmt: skip
    own = {name for name, member in vars(plain).items() if callable(member)}
    refused = own - harmless
    assert refused == {*(DICT_MUTATORS if plain is dict else LIST_MUTATORS)}
    assert all(name in vars(kind) for name in refused)


def test_what_is_inside_is_frozen_too() -> None:
    """In lists, dictionaries, tuples, sets and models, however deep."""

    class Inner(BaseModel):
        model_config = ConfigDict(frozen=True)
        words: list[str]

    frozen = freeze({"a": [{"b": []}], "t": ([1],), "s": {1, 2}, "m": Inner(words=["x"])})
    changes: list[Callable[[], Any]] = [
        lambda: frozen["a"].append(1),
        lambda: frozen["a"][0].update(b=1),
        lambda: frozen["a"][0]["b"].append(1),
        lambda: frozen["t"][0].append(1),
        lambda: frozen["m"].words.append("y"),
    ]
    for change in changes:
        with pytest.raises(TypeError):
            change()
    assert isinstance(frozen["s"], frozenset)
    assert frozen == {"a": [{"b": []}], "t": ([1],), "s": {1, 2}, "m": Inner(words=["x"])}


def test_a_named_tuple_stays_one() -> None:
    """Its parts still have their names."""

    class Point(NamedTuple):
        x: int
        tags: list[str]

    frozen = freeze(Point(1, ["a"]))
    assert type(frozen) is Point
    assert (frozen.x, frozen.tags) == (1, ["a"])
    with pytest.raises(TypeError):
        frozen.tags.append("b")
