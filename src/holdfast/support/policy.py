"""What the operator decides about turns."""

from dataclasses import dataclass, field
from typing import Final

from holdfast.errors import InvalidSession
from holdfast.support.escalation import EscalationPolicy

MOST_MESSAGES: Final = 100_000
MOST_HOURS: Final = 8760


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPolicy:
    """How turns are taken.

    `max_messages` bounds the visitor's messages in a session. A turn waits `lease_wait` seconds for
    those before it, and holds the session for `lease_ttl` seconds between renewals. The engine is
    told the last `history` messages. What visitors tell of themselves is remembered for
    `memory_hours`; with 0 nothing is.

    Raises:
        InvalidSession: `max_messages`, `history` or `memory_hours` out of range.
    """

    max_messages: int = 1000
    lease_ttl: float = 30
    lease_wait: float = 60
    history: int = 20
    memory_hours: float = 24
    escalation: EscalationPolicy = field(default_factory=EscalationPolicy)

    def __post_init__(self) -> None:
        if not 1 <= self.max_messages <= MOST_MESSAGES:
            raise InvalidSession("max_messages", f"must be from 1 to {MOST_MESSAGES}")
        if not 0 <= self.history <= 1000:
            raise InvalidSession("history", "must be from 0 to 1000")
        if not 0 <= self.memory_hours <= MOST_HOURS:
            raise InvalidSession("memory_hours", f"must be from 0 to {MOST_HOURS}")
