"""What is packed comes back as it was."""

import json

from hypothesis import given
from hypothesis import strategies as st

from holdfast.backends.sqlite.packing import (
    pack_integers,
    pack_values,
    unpack_integers,
    unpack_values,
)


@given(st.dictionaries(st.binary(max_size=40), st.binary(max_size=300)))
def test_values_come_back(values: dict[bytes, bytes]) -> None:
    """Tags and ciphertext of any length, none included, in their order."""
    assert list(unpack_values(pack_values(values)).items()) == list(values.items())


@given(st.dictionaries(st.text(), st.integers(-(2**53), 2**53)))
def test_integers_come_back(integers: dict[str, int]) -> None:
    """Names of any characters; the text is JSON, so that SQL can look into it."""
    packed = pack_integers(integers)
    assert unpack_integers(packed) == integers
    assert json.loads(packed) == integers


def test_a_flag_is_packed_as_an_integer() -> None:
    """True is 1 here, as it is in Python."""
    assert unpack_integers(pack_integers({"raised": True})) == {"raised": 1}


def test_many_values_come_back() -> None:
    """More than 65,535 parts, too."""
    values = {number.to_bytes(4, "big"): b"x" for number in range(40_000)}
    assert unpack_values(pack_values(values)) == values
