"""How a session's integers and ciphertext stand in a row.

Values are packed as `number of lengths | lengths | tag, ciphertext, tag, ciphertext, …`, lengths as
32-bit little-endian integers.
"""

from collections.abc import Mapping
from itertools import chain
from json import JSONDecoder
from json.encoder import encode_basestring_ascii as quoted
from struct import pack, unpack_from
from typing import Final

_decode: Final = JSONDecoder().raw_decode


def pack_integers(integers: Mapping[str, int]) -> str:
    """Write counters and flags as compact JSON (the standard encoder takes three times as long)."""
    return "{" + ",".join([f"{quoted(name)}:{value:d}" for name, value in integers.items()]) + "}"


def unpack_integers(text: str) -> dict[str, int]:
    """Read what `pack_integers` wrote.

    Raises:
        ValueError, TypeError, RecursionError: it is damaged.
    """
    integers: dict[str, int] = _decode(text)[0]
    if type(integers) is not dict or not {int}.issuperset(map(type, integers.values())):
        raise ValueError("not an object of integers")
    return integers


def pack_values(values: Mapping[bytes, bytes]) -> bytes:
    """Put the values of a session one behind the other."""
    parts = [*chain.from_iterable(values.items())]
    return pack(f"<{len(parts) + 1}I", len(parts), *map(len, parts)) + b"".join(parts)


def unpack_values(packed: bytes) -> dict[bytes, bytes]:
    """Take the values of a session apart again.

    Raises:
        ValueError, TypeError, struct.error: they are damaged.
    """
    count = unpack_from("<I", packed)[0]
    if count % 2:
        raise ValueError("a tag without a value")
    lengths = iter(unpack_from(f"<{count}I", packed, 4))
    values: dict[bytes, bytes] = {}
    start = 4 * count + 4
    for length in lengths:
        middle = start + length
        end = middle + next(lengths)
        values[packed[start:middle]] = packed[middle:end]
        start = end
    if start != len(packed):
        raise ValueError("not as long as its parts")
    return values
