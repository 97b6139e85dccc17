"""The Lua files of this package, each named for its verb; `--include NAME` takes in another one."""

import re
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final, NamedTuple

_INCLUDE: Final = re.compile(r"^ *--include (\w+)$", re.MULTILINE)


class Script(NamedTuple):
    """A Lua script; `digest` is what `EVALSHA` calls it by."""

    name: str
    source: bytes
    digest: bytes


@cache
def script(name: str) -> Script:
    """Read the file `lua/<name>.lua`."""
    source = _INCLUDE.sub(lambda found: _read(found[1]), _read(name)).encode()
    digest = sha1(source, usedforsecurity=False).hexdigest().encode()
    return Script(name, source, digest)


def _read(name: str) -> str:
    return (files(__name__.rpartition(".")[0]) / "lua" / f"{name}.lua").read_text("utf-8")
