"""What a caller is told when the server holds something else than a store has put there."""

from typing import Final

from holdfast.backend import Operation, Record
from holdfast.backends.redis.link import Refused
from holdfast.backends.redis.packing import Damaged
from holdfast.backends.redis.refusals import fault_of
from holdfast.errors import DecryptionFailed, HoldfastError, InvalidStore

# No ciphertext is as short as this: what holds it is never opened, and never taken for empty.
UNREADABLE: Final = {b"": b""}
# How a server says that a script called what the user may not, or what it does not know.
DENIED: Final = ("The user executing the script", "Unknown Redis command called from script")


def unusable(operation: Operation, fault: Refused | Damaged) -> HoldfastError:
    """Say that one session is damaged, or that the server refuses what is asked of it.

    A script fails on a session that it cannot take apart before it has written anything.
    """
    key = getattr(operation, "key", "")
    damaged = DecryptionFailed(key.partition("/")[2], reason="what the store keeps is damaged")
    if isinstance(fault, Damaged) or fault.code == "WRONGTYPE":
        return damaged
    if "@user_script" in fault.rest and not fault.rest.startswith(DENIED):
        return damaged
    return refused_by_server(fault)


def refused_by_server(fault: Refused) -> InvalidStore:
    """Say why the server refuses, in our words: its own may name the session."""
    reason = f"it refuses what a store has to do ({fault_of(fault)})"
    return InvalidStore("Redis", reason)


def unreadable(created: int) -> Record:
    """Make a record that keeps a session's place in a listing, and that nobody can open."""
    return Record("", 0, created, created, created, created, 0, created, b"", {}, UNREADABLE)
