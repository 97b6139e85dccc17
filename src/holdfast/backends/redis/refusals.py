"""What each error of a server asks for: one table for all topologies.

None of the codes that make a store unavailable comes from a script half way: they are checked
before one begins. So whatever was refused with them was not applied.
"""

from enum import Enum
from typing import Final, NamedTuple

from holdfast.backends.redis.link import Refused
from holdfast.errors import StoreUnavailable


class Reaction(Enum):
    """What a link does about an error."""

    LOAD = "load the script, send again"
    MOVED = "learn the new place of the slot, send there"
    ASK = "send there, this once"
    TRY_AGAIN = "send again in a moment"
    REDISCOVER = "find the primary, connect to it"
    RECONNECT = "give this connection up"
    UNAVAILABLE = "tell the caller to come back"
    FAULT = "a mistake in this program or in the server's permissions"


class Refusal(NamedTuple):
    """A reaction, and what callers are told when it does not help."""

    reaction: Reaction
    reason: str


TABLE: Final = {
    "NOSCRIPT": Refusal(Reaction.LOAD, "The session store does not keep scripts"),
    "MOVED": Refusal(Reaction.MOVED, "The session is on another node now"),
    "ASK": Refusal(Reaction.ASK, "The session is on its way to another node"),
    "TRYAGAIN": Refusal(Reaction.TRY_AGAIN, "The session is on its way to another node"),
    "READONLY": Refusal(Reaction.REDISCOVER, "The session store is a replica, which only reads"),
    "MASTERDOWN": Refusal(Reaction.REDISCOVER, "The session store has lost its primary"),
    "CLUSTERDOWN": Refusal(Reaction.UNAVAILABLE, "The cluster of the session store is down"),
    "LOADING": Refusal(Reaction.UNAVAILABLE, "The session store is loading its data"),
    "BUSY": Refusal(Reaction.UNAVAILABLE, "The session store is busy with a script"),
    "UNKILLABLE": Refusal(Reaction.UNAVAILABLE, "The session store is busy with a script"),
    "OOM": Refusal(Reaction.UNAVAILABLE, "The session store has no memory left"),
    "MISCONF": Refusal(Reaction.UNAVAILABLE, "The session store cannot write to its disk"),
    "NOREPLICAS": Refusal(Reaction.UNAVAILABLE, "The session store has too few replicas"),
    "NOAUTH": Refusal(Reaction.RECONNECT, "The session store asks for a password"),
    "WRONGPASS": Refusal(Reaction.RECONNECT, "The session store refuses user or password"),
}
FULL: Final = Refusal(Reaction.RECONNECT, "The session store has no connection left")
FAULT: Final = Refusal(Reaction.FAULT, "The session store refused the command")
# Errors without a code of their own are told apart by how their text begins.
TEXTS: Final = {"max number of clients reached": FULL}

# What the faults are that happen, in words of ours.
NOT_ALLOWED: Final = "the user may not do all that a store needs; `holdfast doctor` says what"
FAULTS: Final = {
    "NOPERM": NOT_ALLOWED,
    "ERR The user executing the script": NOT_ALLOWED,
    "ERR unknown command": "the server does not know a command that a store needs",
    "ERR Unknown Redis command": "the server does not know a command that a store needs",
}


def refusal_of(refused: Refused) -> Refusal:
    """Look an error up."""
    if refused.code == "ERR":
        return next((TEXTS[text] for text in TEXTS if refused.rest.startswith(text)), FAULT)
    return TABLE.get(refused.code, FAULT)


def fault_of(refused: Refused) -> str:
    """Say what is wrong, without a word of the server's: it may repeat what it was sent."""
    said = f"{refused.code} {refused.rest}"
    words = next((FAULTS[start] for start in FAULTS if said.startswith(start)), "")
    return f"{refused.code}: {words}" if words else refused.code


def unavailable(refused: Refused) -> StoreUnavailable:
    """Say that the store cannot answer now; what was refused was not applied."""
    return StoreUnavailable(refusal_of(refused).reason)
