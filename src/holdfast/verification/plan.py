"""What a verification does, as values; what a worker is told of it, as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

Fault: TypeAlias = Literal[
    "kill", "pause", "block", "cancel", "delay", "freeze", "trickle", "cut", "half", "swallow",
    "garbage", "server-pause", "server-kill", "restart",
]  # fmt: skip

# Faults of the workers, of the network between them and the server, and of the server.
OF_WORKERS: Final[Sequence[Fault]] = ("kill", "pause", "block")
OF_SLOW_NETWORKS: Final[Sequence[Fault]] = ("delay", "freeze", "trickle")
OF_CUT_NETWORKS: Final[Sequence[Fault]] = ("cut", "half", "swallow", "garbage")
OF_NETWORKS: Final[Sequence[Fault]] = (*OF_SLOW_NETWORKS, *OF_CUT_NETWORKS)
OF_SERVERS: Final[Sequence[Fault]] = ("server-pause", "server-kill", "restart")
FAULTS: Final[Sequence[Fault]] = (*OF_WORKERS, "cancel", *OF_NETWORKS, *OF_SERVERS)
# What happens in the rounds of a run, one after the other: a round in which calls are cancelled
# has no other fault, and the last one of every cycle has none, so that most orders can be settled.
PHASES: Final[Sequence[Sequence[Fault]]] = (
    OF_WORKERS, OF_CUT_NETWORKS, ("cancel",), OF_SERVERS, OF_SLOW_NETWORKS,
)  # fmt: skip
LONGEST_ROUND: Final = 4.0
# What the exact check can settle: so many operations a round, and so many a session; fewer where
# many go unanswered.
MOST_OPERATIONS: Final = 40_000
MOST_ON_A_SESSION: Final = 1_500
MOST_CANCELLED: Final = 120
CANCELLED_SHARE: Final = 0.6
# How many items a log keeps: few, so that old ones make room all the time.
MAX_ITEMS: Final = 64


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to try; `skipped` says of each fault that cannot be tried why.

    `server_command` starts the server of the store, where that is not running already.
    """

    url: str
    namespace: str
    processes: int = 4
    callers: int = 16
    sessions: int = 50
    seconds: float = 30.0
    seed: int = 0
    faults: frozenset[Fault] = frozenset()
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    server_command: str = ""

    @property
    def phases(self) -> Sequence[Sequence[Fault]]:
        """Give the faults of each round of a cycle."""
        wanted = (self._wanted(phase) for phase in PHASES)
        return [*filter(None, wanted), ()]

    def _wanted(self, phase: Sequence[Fault]) -> Sequence[Fault]:
        return tuple(fault for fault in phase if fault in self.faults)

    @property
    def round_seconds(self) -> float:
        """Give the length of a round: short runs have one of every kind too."""
        return min(LONGEST_ROUND, self.seconds / len(self.phases))

    def operations(self, faults: Sequence[Fault]) -> int:
        """Say how many calls each worker makes in a round at most."""
        each = MOST_CANCELLED if "cancel" in faults else MOST_ON_A_SESSION
        return max(1, min(MOST_OPERATIONS, each * self.sessions) // self.processes)

    def session_ids(self, number: int) -> list[str]:
        """Name the sessions of a round: wild ones may end and begin again, calm ones live once."""
        return [
            f"{number}-{'wild' if place % 2 else 'calm'}-{place}" for place in range(self.sessions)
        ]


class Order(NamedTuple):
    """What one worker does in one round: calls until a moment of the shared clock.

    `blocks` are (seconds from now, for how long) in which the event loop stands still.
    """

    round: int
    session_ids: Sequence[str]
    callers: int
    operations: int
    until: int
    seed: str
    cancelled_share: float = 0.0
    blocks: Sequence[tuple[float, float]] = ()


class Played(NamedTuple):
    """What a worker says of a round: how many calls it cancelled, when its loop stood still.

    `statistics` are what its store counted meanwhile.
    """

    cancelled: int = 0
    blocks: Sequence[tuple[int, int]] = ()
    statistics: Mapping[str, int] = {}


class Suffered(NamedTuple):
    """A fault that was done between two moments of the shared clock.

    It was done to the worker at `place` or its network; past the workers' places is the server.
    """

    fault: Fault
    place: int
    begin: int
    end: int
