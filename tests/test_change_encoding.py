"""From what users give to what backends keep, and back: exactly the same."""

import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast import Session
from holdfast.backend import Add, StoredItem
from holdfast.session import MAX_INTEGER
from tests.encoding_bench import NOW, Address, Bench, Mine, Point

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
names = st.text(min_size=1, max_size=20).filter(lambda name: name not in Session.model_fields)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def same(first: Any, second: Any) -> bool:
    """Compare values and types, all the way down (1 == 1.0 == True is not the same)."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return list(first) == list(second) and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return type(first) is type(second) and repr(first) == repr(second)


class TestFidelity:
    """What comes back is what went in."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.dictionaries(names, json_values, max_size=5))
    def test_metadata_comes_back_exactly(self, bench: Bench, metadata: dict[str, Any]) -> None:
        """Each key and each value, the type of every number included."""
        record = bench.create(metadata=metadata)
        assert same(dict(bench.read(record).metadata), metadata)

    @given(json_values)
    def test_items_come_back_exactly(self, bench: Bench, value: Any) -> None:
        """In the log as in the metadata."""
        (sealed,) = bench.change(append=[value], change_id="c").append
        item = bench.decoder.item("alpha", StoredItem(1, NOW, "c:1", sealed))
        assert same(item.value, value)
        assert (item.number, item.at) == (1, datetime.fromtimestamp(NOW / 1e6, UTC))

    @pytest.mark.parametrize(
        "value",
        [
            [], {}, [[]], [{}], {"a": []}, "", "é", "e\u0301", "\U0001f41a", "\0",
            "</script>", "\u2028",
            0, -0.0, 0.0, 1.0, 1, True, False, None, 0.1, 0.30000000000000004, 1e22, 5e-324,
            1.7976931348623157e308, 12345678901234567, 2**53 + 1, 2**64, -(2**64), 10**400,
            1700000000.123456, {"": ""}, {"b": 1, "a": 2},
        ],
        ids=lambda value: ascii(value)[:20],
    )  # fmt: skip
    def test_known_troublemakers_come_back_exactly(self, bench: Bench, value: Any) -> None:
        """Each of these is damaged by some other way of keeping JSON."""
        assert same(bench.read(bench.create(k=value)).metadata["k"], value)

    def test_declared_fields_come_back_as_declared(self, bench: Bench) -> None:
        """With the types of the model: times, tuples, sets, named tuples, models."""
        state: dict[str, Any] = {
            "topic": "refund", "size": 2**70, "ratio": 1.0, "words": ("a", "b"),
            "when": datetime(2024, 5, 1, 12, 30, 0, 123456, tzinfo=UTC),
            "kinds": frozenset({"x"}), "point": Point(1, 2.5),
            "home": Address(street="Shore Road", tags=["old"]), "anything": {"k": [1.0]},
            "visits": 7, "up": True,
        }  # fmt: skip
        session = bench.read(bench.create("ann", **state))
        assert {name: getattr(session, name) for name in state} == state
        assert type(session.point) is Point
        assert (session.user_id, session.metadata) == ("ann", {})
        assert session == Mine.model_validate(session.model_dump())

    def test_metadata_may_use_the_name_of_a_field(self, bench: Bench) -> None:
        """The field and the key are two values."""
        session = bench.read(bench.create(metadata={"topic": "theirs"}, topic="mine"))
        assert (session.topic, session.metadata) == ("mine", {"topic": "theirs"})

    def test_a_change_touches_what_it_names(self, bench: Bench) -> None:
        """The rest is the very same ciphertext as before."""
        before = bench.create(topic="a", kept=[1], gone=2)
        after = bench.changed(before, set={"topic": "b", "new": None}, unset=["gone", "never"])
        session = bench.read(after)
        assert (session.topic, session.metadata) == ("b", {"kept": [1], "new": None})
        assert len(before.values.items() & after.values.items()) == 2
        assert bench.read(bench.changed(after, unset=["topic"])).topic is None

    def test_integers_are_plain_and_values_are_not(self, bench: Bench) -> None:
        """Names and contents of values stand nowhere in what a backend is given."""
        operation = bench.change(
            set={"topic": "refundable", "secretive": "refundable", "visits": 3, "up": True},
            append=["refundable"],
        )
        assert operation.put == {"visits": 3, "up": 1}
        shown = repr(operation)
        assert not any(word in shown for word in ("topic", "secretive", "refundable"))

    def test_unset_zeroes_counters_and_lowers_flags(self, bench: Bench) -> None:
        """They have no absence."""
        assert bench.change(unset=["visits", "up"]).put == {"visits": 0, "up": 0}

    def test_adds_carry_the_lower_of_both_limits(self, bench: Bench) -> None:
        """The model's and the caller's."""
        assert bench.change(add={"visits": 2}).add == (Add("visits", 2, 100),)
        assert bench.change(add={"visits": 2}, at_most={"visits": 9}).add == (Add("visits", 2, 9),)
        limit = {"visits": MAX_INTEGER}
        assert bench.change(add={"visits": -2}, at_most=limit).add == (Add("visits", -2, 100),)


class TestDigests:
    """What tells whether a known change id comes with the same content."""

    def test_the_same_content_has_the_same_digest(self, bench: Bench) -> None:
        """Although every sealing of it differs; whatever the order in which it is written."""
        parts: dict[str, Any] = {"set": {"a": [1], "topic": "t"}, "add": {"visits": 1}}
        again: dict[str, Any] = {"add": {"visits": 1}, "set": {"topic": "t", "a": [1]}}
        first, second = bench.change(change_id="c", **parts), bench.change(change_id="c", **again)
        assert first.digest == second.digest != b""
        assert first.set != second.set

    def test_another_content_has_another_digest(self, bench: Bench) -> None:
        """In each part of a change."""
        different: list[dict[str, Any]] = [
            {}, {"set": {"a": 1}}, {"set": {"a": 1.0}}, {"set": {"a": "1"}}, {"set": {"b": 1}},
            {"set": {"topic": "a"}}, {"set": {"metadata": {"topic": "a"}}}, {"set": {"visits": 1}},
            {"unset": ["a"]}, {"unset": ["b"]}, {"add": {"visits": 1}}, {"add": {"visits": 2}},
            {"add": {"visits": 1}, "at_most": {"visits": 3}}, {"claim": ["up"]},
            {"append": [1]}, {"append": [1, 1]}, {"append": [[1, 1]]}, {"append": ["1"]},
        ]  # fmt: skip
        digests = [bench.change(change_id="c", **parts).digest for parts in different]
        assert len(set(digests)) == len(different)

    def test_a_change_without_an_id_of_the_callers_gets_a_fresh_one(self, bench: Bench) -> None:
        """Never the same twice."""
        ids = {bench.change(append=["item"]).change_id for _ in range(100)}
        assert len(ids) == 100
        assert all(set(change_id) <= {*string.hexdigits} for change_id in ids)

    def test_a_change_that_nothing_refers_to_needs_no_id(self, bench: Bench) -> None:
        """It appends nothing, and nobody has to recognise it."""
        assert bench.change(set={"topic": "refund"}).change_id == ""
