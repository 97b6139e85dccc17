"""How a session's integers and ciphertext stand in a row.

Values are packed as `number of lengths | lengths | tag, ciphertext, tag, ciphertext, …`, lengths as
32-bit little-endian integers.
"""

import json
from collections.abc import Mapping
from struct import pack, unpack_from
from typing import Final

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def pack_integers(integers: Mapping[str, int]) -> str:
    """Write counters and flags as compact JSON."""
    return _encode(dict(integers))


def unpack_integers(text: str) -> dict[str, int]:
    """Read what `pack_integers` wrote."""
    integers: dict[str, int] = json.loads(text)
    return integers


def pack_values(values: Mapping[bytes, bytes]) -> bytes:
    """Put the values of a session one behind the other."""
    parts = [part for value in values.items() for part in value]
    return pack(f"<I{len(parts)}I", len(parts), *map(len, parts)) + b"".join(parts)


def unpack_values(packed: bytes) -> dict[bytes, bytes]:
    """Take the values of a session apart again."""
    lengths = unpack_from(f"<{int.from_bytes(packed[:4], 'little')}I", packed, 4)
    values: dict[bytes, bytes] = {}
    start = 4 * len(lengths) + 4
    for tag_length, length in zip(lengths[::2], lengths[1::2], strict=True):
        middle = start + tag_length
        end = middle + length
        values[packed[start:middle]] = packed[middle:end]
        start = end
    return values
