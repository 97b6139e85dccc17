"""Commands as they go over the wire: arrays of byte strings."""

from typing import Final

from hiredis import pack_command  # pyright: ignore[reportUnknownVariableType]


def encode(*parts: bytes) -> bytes:
    """Write a command and its arguments as one array."""
    packed: bytes = pack_command(parts)  # type: ignore[arg-type]
    return packed


PING: Final = encode(b"PING")
