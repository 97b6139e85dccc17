"""What is written for Redis reads back as it was, whatever is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.backend import Create, Record
from holdfast.backends import rules
from holdfast.backends.redis.packing import (
    META,
    escaped,
    pack_identity,
    pack_integers,
    pack_items,
    unpack_fields,
    unpack_integers,
    unpack_item,
)

NOW = 1_700_000_000_000_000
NAMES = st.from_regex(r"[a-z_]\w{0,20}", fullmatch=True)
INTEGERS = st.dictionaries(NAMES, st.integers(-(2**53) + 1, 2**53 - 1), max_size=5)
TAGS = st.one_of(st.binary(max_size=20), st.integers(0, 4).map(lambda times: META * times))
LIVES = st.one_of(st.text("abc-é", max_size=80), st.binary(min_size=16, max_size=16).map(bytes.hex))
CHANGE_IDS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=255),
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    st.binary(min_size=16, max_size=16).map(lambda raw: raw.hex().upper()),
)


def as_written(operation: Create) -> dict[bytes, bytes]:
    """Put together what the script that creates a session puts together."""
    now = NOW // 1000
    numbers = (
        (1, 5), (now, 6), (now, 6), (now, 6), (now, 6), (operation.ttl, 7),
        (NOW + operation.max_age, 7), (0, 4), (0, 5), (0, 4),
    )  # fmt: skip
    packed = b"".join(number.to_bytes(size, "little") for number, size in numbers)
    fields = {META: packed + pack_identity(operation)}
    fields |= {escaped(tag): sealed for tag, sealed in operation.values.items()}
    return fields


@given(INTEGERS)
def test_integers_come_back(integers: dict[str, int]) -> None:
    assert unpack_integers(pack_integers(integers)) == integers


@given(
    LIVES,
    st.binary(max_size=30),
    INTEGERS,
    st.dictionaries(TAGS, st.binary()),
)
def test_a_session_comes_back(
    incarnation: str, user_tag: bytes, integers: dict[str, int], values: dict[bytes, bytes]
) -> None:
    """Its tags may be anything, even the name of the field that all the rest is in."""
    operation = Create("one/a", incarnation, 5, 7, user_tag, integers, values)
    assert unpack_fields(as_written(operation)) == rules.create(operation, now=NOW)


def test_what_has_no_integers_is_no_session() -> None:
    assert unpack_fields({}) is None


@given(
    CHANGE_IDS, st.lists(st.binary(max_size=50), min_size=1, max_size=3), st.integers(1, 2**40 - 1)
)
def test_items_come_back(change_id: str, sealed: list[bytes], number: int) -> None:
    """Also those of a change whose id only looks like bytes in hexadecimal digits."""
    stamp = number.to_bytes(5, "little") + (NOW // 1000).to_bytes(6, "little")
    items = [unpack_item(stamp + item) for item in pack_items(change_id, sealed)]
    assert [item.sealed for item in items] == sealed
    assert {(item.number, item.at) for item in items} == {(number, NOW)}
    assert [item.origin for item in items] == [
        f"{change_id}:{place}" for place in range(1, len(sealed) + 1)
    ]


@pytest.mark.parametrize("places", [255, 256, 65_535])
def test_a_change_may_bring_many_items(places: int) -> None:
    """The place of each in the change is told, short or long."""
    stamp = bytes(11)
    last = pack_items("0" * 32, [b"item"] * places)[-1]
    assert unpack_item(stamp + last).origin == f"{'0' * 32}:{places}"
    assert unpack_item(stamp + last).sealed == b"item"


def test_records_read_twice_are_equal() -> None:
    """Reading takes the fields apart, and leaves the values."""
    operation = Create("one/a", "i", 5, 7, b"", {"n": 1}, {b"m": b"1", b"mm": b"2"})
    record = unpack_fields(as_written(operation))
    assert isinstance(record, Record)
    assert record.values == {b"m": b"1", b"mm": b"2"}
