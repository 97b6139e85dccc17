"""What was asked of a store and what it answered, as values.

Times are nanoseconds of CLOCK_MONOTONIC, which all processes of a host share and which is never
set back, so that the times of several processes compare.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "create", "get", "set", "apply", "increment", "claim", "append", "items", "pop_item",
    "clear_items", "touch", "extend", "delete", "exists", "acquire", "steal", "renew", "release",
    "transact", "get_or_create", "get_batch", "list", "count", "watch",
]  # fmt: skip
Outcome: TypeAlias = Literal["ok", "refused", "unknown"]

# The session of calls that concern all sessions of the namespace.
EVERYWHERE: Final = "*"
# When an operation ended that nobody saw ending: after everything else.
NEVER: Final = 1 << 63


def monotonic() -> int:
    """Tell the time that the processes of this host share, in nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class Call(NamedTuple):
    """One operation to ask of a store; see `holdfast.testing.histories.calls` for requests."""

    kind: Kind
    session: str
    request: Mapping[str, Any] = {}


class Reply(NamedTuple):
    """How a call ended, its answer as JSON.

    Of a refusal `error` names the class of the error, and the answer holds its facts.
    """

    outcome: Outcome
    answer: Any = None
    error: str = ""
    repeated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One operation as it was seen from outside.

    Of an unknown one nobody can tell whether and when it took effect: at any time after `begin`,
    even after its caller had given up. Its `end` is `NEVER`. `repeated` is how often the store had
    lost the answer and sent it again: each attempt before may have taken effect, whatever was
    answered to the last.
    """

    number: int
    process: str
    caller: str
    kind: Kind
    session: str
    request: Mapping[str, Any]
    begin: int
    end: int = NEVER
    outcome: Outcome = "unknown"
    error: str = ""
    answer: Any = None
    repeated: int = 0

    @property
    def who(self) -> str:
        """Name the caller among all callers of all processes."""
        return f"{self.process}/{self.caller}"

    def until(self, moment: int) -> "Event":
        """Give what could be seen of it at this moment: its answer only if it had come."""
        if self.end <= moment:
            return self
        return replace(self, end=NEVER, outcome="unknown", error="", answer=None)
