"""What a user needs to be allowed on Redis; `docs/how-to/redis.md` gives it as one ACL line."""

from collections.abc import Mapping
from typing import Final

from holdfast.backends.redis.link import Command
from holdfast.backends.redis.resp import encode

PATTERN: Final = "hf:*"

# Each command with arguments that make it complete; KEY stands for a key, or a channel.
CONNECTION: Final[Mapping[str, str]] = {
    "hello": "3",
    "ping": "",
    "select": "0",
    "client|setname": "holdfast",
    "client|tracking": "ON",
    "client|caching": "YES",
    "script|load": "return",
    "eval": "return 1 KEY",
    "evalsha": f"{'0' * 40} 1 KEY",
    "role": "",
    "ssubscribe": "KEY",
    "sunsubscribe": "KEY",
}
DATA: Final[Mapping[str, str]] = {
    "del": "KEY",
    "exists": "KEY",
    "get": "KEY",
    "hdel": "KEY field",
    "hexists": "KEY field",
    "hget": "KEY field",
    "hgetall": "KEY",
    "hincrby": "KEY field 1",
    "hlen": "KEY",
    "hmget": "KEY field",
    "hset": "KEY field value",
    "lindex": "KEY 0",
    "lrange": "KEY 0 1",
    "lset": "KEY 0 value",
    "ltrim": "KEY 0 1",
    "pexpire": "KEY 1",
    "pexpireat": "KEY 1",
    "rename": "KEY KEY",
    "rpop": "KEY",
    "rpush": "KEY value",
    "set": "KEY value",
    "spublish": "KEY message",
    "time": "",
    "zadd": "KEY 1 member",
    "zcard": "KEY",
    "zcount": "KEY 0 1",
    "zrange": "KEY 0 1",
    "zrank": "KEY member",
    "zrem": "KEY member",
    "zremrangebyscore": "KEY 0 1",
    "zscore": "KEY member",
}
CLUSTER: Final[Mapping[str, str]] = {
    "asking": "",
    "cluster|info": "",
    "cluster|myid": "",
    "cluster|slots": "",
    "multi": "",
    "exec": "",
}


def acl_line(user: str) -> str:
    """Give the command that makes a user who may do what a store needs, and no more."""
    allowed = " ".join(f"+{name}" for name in (*CONNECTION, *DATA, *CLUSTER))
    return (
        f"ACL SETUSER {user} on >PASSWORD resetkeys ~{PATTERN} resetchannels &{PATTERN} {allowed}"
    )


def trial(user: bytes, name: str, arguments: str, *, bucket: int) -> Command:
    """Ask whether a user may send a command, on a key of a bucket."""
    key = b"hf:{%d}:s:~permission" % bucket
    words = [word.encode() for word in (*name.split("|"), *arguments.split())]
    filled = [key if word == b"KEY" else word for word in words]
    return Command(encode(b"ACL", b"DRYRUN", user, *filled))
