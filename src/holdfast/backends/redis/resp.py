"""Commands as they go over the wire: arrays of byte strings."""

from collections.abc import Callable
from typing import Final, cast

from hiredis import pack_command  # pyright: ignore[reportUnknownVariableType]

# The stub of the library speaks of tuples with one part.
_pack: Final = cast("Callable[[tuple[bytes, ...]], bytes]", pack_command)


def encode(*parts: bytes) -> bytes:
    """Write a command and its arguments as one array."""
    return _pack(parts)


PING: Final = encode(b"PING")
