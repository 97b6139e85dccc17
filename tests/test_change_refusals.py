"""What cannot be kept as it is, is refused: the field is named and the rule is said."""

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import pytest
from pydantic import BaseModel

from holdfast import Change, InvalidSession, Session
from holdfast.backend import StoredItem
from holdfast.encoding import MAX_APPENDED
from holdfast.session import MAX_INTEGER
from tests.encoding_bench import NOW, Bench


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def refused(build: Any, field: str, rule: str) -> None:
    """Hold that a value is refused, the field named and the rule said."""
    with pytest.raises(InvalidSession) as refusal:
        build()
    assert refusal.value.field == field
    assert rule in refusal.value.rule
    assert str(refusal.value) == f"{field}: {refusal.value.rule}"


def cycle() -> list[Any]:
    inner: list[Any] = []
    inner.append({"again": inner})
    return inner


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


class Loose(BaseModel):
    word: str = "x"


NO_JSON: Final[dict[str, Any]] = {
    "nan": float("nan"), "inf": float("inf"), "bytes": b"x", "tuple": (1, 2), "set": {1},
    "int keys": {1: "a"}, "none keys": {None: 1}, "cycle": cycle(), "lone surrogate": "\ud800",
    "surrogate inside": [{"a": "x\udfff"}], "surrogate key": {"\ud800": 1}, "object": object(),
    "time": datetime(2024, 1, 1, tzinfo=UTC), "model": Loose(), "model inside": [Loose()],
    "complex": 1j, "deep": nested(100_000), "quite deep": nested(220),
    "nan inside": {"a": [float("nan")]}, "tuple inside": [(1,)], "bytes inside": {"a": b""},
    "long integer": 10**5000, "proxy": MappingProxyType({}),
}  # fmt: skip


class TestRefusing:
    """Bad input gets an error that names the field and the rule, before anything is sent."""

    @pytest.mark.parametrize("kind", NO_JSON)
    def test_what_is_no_json_is_refused(self, bench: Bench, kind: str) -> None:
        """In metadata, in a change, in an item; never altered to fit."""
        value = NO_JSON[kind]
        for build, field in (
            (lambda: bench.create(k=value), "metadata.k"),
            (lambda: bench.create(metadata={"k": value}), "metadata.k"),
            (lambda: bench.change(set={"k": value}), "metadata.k"),
            (lambda: bench.change(append=[1, value]), "append"),
        ):
            with pytest.raises(InvalidSession) as refusal:
                build()
            assert refusal.value.field == field

    @pytest.mark.parametrize("depth", [50, 150, 180, 190, 195, 200, 220, 260])
    def test_what_can_be_written_can_be_read(self, bench: Bench, depth: int) -> None:
        """Whatever is accepted does not make the session unreadable."""
        try:
            record = bench.create(k=nested(depth))
            (sealed,) = bench.change(append=[nested(depth)], change_id="c").append
        except InvalidSession:
            assert depth >= 180
            return
        assert bench.read(record).metadata == {"k": nested(depth)}
        item = bench.decoder.item("alpha", StoredItem(1, NOW, "c:1", sealed))
        assert item.value == nested(depth)

    def test_metadata_has_a_megabyte(self, bench: Bench) -> None:
        """One value, or many together; a little less is accepted."""
        bench.create(k="x" * 999_990)
        refused(lambda: bench.create(k="x" * 1_000_000), "metadata.k", "at most 1000000")
        many = {f"k{number}": "x" * 100_000 for number in range(10)}
        refused(lambda: bench.create(**many), "metadata", "at most 1000000")
        refused(lambda: bench.change(set=many), "metadata", "at most 1000000")
        refused(lambda: bench.create(k="é" * 500_000), "metadata.k", "at most 1000000")

    def test_an_item_has_a_megabyte(self, bench: Bench) -> None:
        """And a change a thousand items."""
        refused(lambda: bench.change(append=["x" * 1_000_000]), "append", "at most")
        assert len(bench.change(append=[1] * MAX_APPENDED).append) == MAX_APPENDED
        refused(lambda: bench.change(append=[1] * (MAX_APPENDED + 1)), "append", "at most 1000")

    @pytest.mark.parametrize("name", [*Session.model_fields])
    def test_what_the_store_keeps_cannot_be_written(self, bench: Bench, name: str) -> None:
        """Neither set, nor unset, nor counted."""
        if name != "metadata":
            with pytest.raises(InvalidSession):
                bench.change(set={name: "x"})
        for parts in ({"unset": [name]}, {"add": {name: 1}}, {"claim": [name]}):
            with pytest.raises(InvalidSession):
                bench.change(**parts)

    @pytest.mark.parametrize("name", ["", "x" * 256, "\ud800"])
    def test_metadata_has_ordinary_names(self, bench: Bench, name: str) -> None:
        """One to 255 characters that can be written."""
        for build in (
            lambda: bench.create(metadata={name: 1}),
            lambda: bench.change(set={name: 1}),
            lambda: bench.change(unset=[name]),
        ):
            with pytest.raises(InvalidSession):
                build()

    @pytest.mark.parametrize(
        ("parts", "field", "rule"),
        [
            ({"add": {"missing": 1}}, "missing", "not a declared counter"),
            ({"add": {"up": 1}}, "up", "not a declared counter"),
            ({"add": {"topic": 1}}, "topic", "not a declared counter"),
            ({"claim": ["missing"]}, "missing", "not a declared flag"),
            ({"claim": ["visits"]}, "visits", "not a declared flag"),
            ({"add": {"visits": 1.0}}, "visits", "integer"),
            ({"add": {"visits": True}}, "visits", "integer"),
            ({"add": {"visits": MAX_INTEGER + 1}}, "visits", "within"),
            ({"add": {"visits": -MAX_INTEGER - 1}}, "visits", "within"),
            ({"add": {"visits": 1}, "at_most": {"visits": -1}}, "at_most", "from 0"),
            ({"add": {"visits": 1}, "at_most": {"visits": "9"}}, "at_most", "integers"),
            ({"at_most": {"visits": 1}}, "at_most", "adds to"),
            ({"set": {"visits": -1}}, "visits", "from 0 to 100"),
            ({"set": {"visits": 101}}, "visits", "from 0 to 100"),
            ({"set": {"visits": "3"}}, "visits", "integer"),
            ({"set": {"up": 1}}, "up", "True or False"),
            ({"set": {"topic": 7}}, "topic", "string"),
            ({"set": {"when": "soon"}}, "when", "datetime"),
            ({"set": {"home": {"street": 7}}}, "home", "street"),
            ({"set": {"ratio": float("nan")}}, "ratio", "JSON"),
            ({"set": {"anything": object()}}, "anything", ""),
            ({"set": {"topic": "\ud800"}}, "topic", ""),
            ({"set": {"metadata": [1]}}, "metadata", "mapping"),
            ({"set": {"topic": "a"}, "unset": ["topic"]}, "change", "twice"),
            ({"set": {"visits": 1}, "add": {"visits": 1}}, "change", "twice"),
            ({"set": {"metadata": {"k": 1}}, "unset": ["k"]}, "change", "twice"),
            ({"set": {"metadata": {"k": 1}, "k": 2}}, "change", "twice"),
            ({"unset": ["k", "k"]}, "change", "twice"),
            ({"claim": ["up", "up"]}, "change", "twice"),
        ],
    )
    def test_impossible_changes_are_refused(
        self, bench: Bench, parts: dict[str, Any], field: str, rule: str
    ) -> None:
        """The field is named, the rule is said."""
        refused(lambda: bench.change(**parts), field, rule)

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            ({"change_id": ""}, "change_id"),
            ({"change_id": "x" * 256}, "change_id"),
            ({"change_id": 7}, "change_id"),
            ({"change_id": "\ud800"}, "change_id"),
            ({"unset": "topic"}, "unset"),
            ({"claim": "up"}, "claim"),
            ({"append": "text"}, "append"),
            ({"append": b"text"}, "append"),
            ({"append": {"role": "user"}}, "append"),
            ({"append": 7}, "append"),
            ({"set": [("a", 1)]}, "set"),
            ({"add": "visits"}, "add"),
        ],
    )
    def test_malformed_changes_are_refused(self, parts: dict[str, Any], field: str) -> None:
        """A string is no list of strings, a list no mapping."""
        with pytest.raises(InvalidSession) as refusal:
            Change(**parts)
        assert refusal.value.field == field

    @pytest.mark.parametrize("user_id", ["", "x" * 256, 7, b"ann", "\ud800"])
    def test_a_user_is_named_by_a_string(self, bench: Bench, user_id: Any) -> None:
        """One to 255 characters."""
        with pytest.raises(InvalidSession) as refusal:
            bench.create(user_id)
        assert refusal.value.field == "user_id"

    def test_a_refusal_does_not_repeat_the_value(self, bench: Bench) -> None:
        """It may be a secret, or a megabyte."""
        with pytest.raises(InvalidSession) as refusal:
            bench.change(set={"home": {"street": ["hunter2"]}})
        assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("revision", ["1", True, None])
def test_a_revision_that_is_added_is_checked_too(revision: Any) -> None:
    """As it is where a change is made."""
    refused(lambda: Change().at("i", revision), "expect_revision", "an integer")


@pytest.mark.parametrize("name", ["", None, 5])
def test_names_that_are_added_are_checked_too(name: Any) -> None:
    """No condition is dropped because what it names is missing."""
    refused(lambda: Change().at(name, 1), "expect_incarnation", "a string")
    refused(lambda: Change().under(name), "lease_token", "a string")
