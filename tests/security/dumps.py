"""All bytes that a store keeps, as somebody finds them who gets hold of it."""

from pathlib import Path
from typing import Any, Final

import redis

from holdfast import SessionStore

SQLITE: Final = "sqlite:///"


def dump_of(store: SessionStore[Any], url: str) -> bytes:
    """Give everything that is in a store, one after the other."""
    if url.startswith(SQLITE):
        path = Path(url.removeprefix(SQLITE))
        files = sorted(path.parent.glob(f"{path.name}*"))
        return b"".join(file.read_bytes() for file in files)
    if url.startswith("memory"):
        return _shown(store.backend)
    return _redis(url)


def _redis(url: str) -> bytes:
    with redis.Redis.from_url(url) as client:
        return b"".join(key + _value(client, key) for key in client.scan_iter(count=1000))


def _value(client: Any, key: bytes) -> bytes:
    match client.type(key):
        case b"hash":
            return b"".join(part for pair in client.hgetall(key).items() for part in pair)
        case b"zset":
            return b"".join(client.zrange(key, 0, -1))
        case b"list":
            return b"".join(client.lrange(key, 0, -1))
        case b"set":
            return b"".join(client.smembers(key))
        case _:
            return bytes(client.get(key) or b"")


def _shown(value: Any, seen: dict[int, Any] | None = None) -> bytes:
    """Write out an object and all that it holds."""
    # Objects are kept, so that none has the id of one before it.
    seen = {} if seen is None else seen
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if id(value) in seen:
        return b""
    seen[id(value)] = value
    if isinstance(value, dict):
        return b"".join(_shown(key, seen) + _shown(worth, seen) for key, worth in value.items())
    if isinstance(value, tuple | list | set | frozenset):
        return b"".join(_shown(part, seen) for part in value)
    held = {**getattr(value, "__dict__", {})}
    for kind in type(value).__mro__:
        held |= {name: getattr(value, name, None) for name in getattr(kind, "__slots__", ())}
    return _shown(held, seen) if held else b""
