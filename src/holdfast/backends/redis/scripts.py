"""The Lua files of this package, each named for its verb."""

from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple


class Script(NamedTuple):
    """A Lua script; `digest` is what `EVALSHA` calls it by."""

    name: str
    source: bytes
    digest: bytes


@cache
def script(name: str) -> Script:
    """Read the file `lua/<name>.lua`."""
    source = (files(__name__.rpartition(".")[0]) / "lua" / f"{name}.lua").read_bytes()
    digest = sha1(source, usedforsecurity=False).hexdigest().encode()
    return Script(name, source, digest)
