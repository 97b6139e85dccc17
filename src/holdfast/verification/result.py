"""What a verification came to, and how it is told."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from holdfast.testing.histories import Finding
from holdfast.verification.measuring import Measures
from holdfast.verification.networks import without_password
from holdfast.verification.plan import FAULTS, Fault, Plan, Suffered

SHOWN = 10
# What is told of what the stores of the workers counted.
COUNTED = {
    "retries": "retries", "breaker_opened": "breaker opened", "lost": "connections lost",
    "crossed_replies": "crossed replies",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: its faults, its times, and what its check came to."""

    number: int
    faults: Sequence[Fault]
    begin: int
    end: int
    operations: int
    settled: int
    undecided: int
    anomalies: int


@dataclass
class Result:
    """Everything that happened. `complaints` are anomalies that no operation shows."""

    plan: Plan
    measures: Measures
    rounds: list[Round] = field(default_factory=list[Round])
    suffered: list[Suffered] = field(default_factory=list[Suffered])
    cancelled: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    complaints: list[str] = field(default_factory=list[str])
    statistics: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Say that nothing was found that cannot be."""
        return not self.anomalies

    @property
    def anomalies(self) -> int:
        """Count what was found."""
        return len(self.findings) + len(self.complaints)

    @property
    def operations(self) -> int:
        """Count the operations checked."""
        return sum(one.operations for one in self.rounds)

    @property
    def undecided(self) -> int:
        """Count the sessions whose order was not settled."""
        return sum(one.undecided for one in self.rounds)

    @property
    def settled(self) -> int:
        """Count the sessions for whose operations an order was found."""
        return sum(one.settled for one in self.rounds)

    def done(self) -> dict[str, int]:
        """Count the faults that were done, by kind."""
        counted = Counter[str](suffered.fault for suffered in self.suffered)
        if self.cancelled:
            counted["cancel"] = self.cancelled
        return dict(sorted(counted.items()))

    def facts(self) -> Iterator[tuple[str, str]]:
        """Tell what was tried and what it came to: names and values."""
        yield "store", without_password(self.plan.url)
        yield "load", self._load()
        yield "operations", self._checked()
        yield "faults", ", ".join(f"{kind} {n:,}" for kind, n in self.done().items()) or "none"
        if missed := [fault for fault in FAULTS if fault in self.plan.faults - self.done().keys()]:
            yield "not done", f"{', '.join(missed)}: nobody was there to suffer it"
        for reason, faults in groupby(self.plan.skipped, key=self.plan.skipped.__getitem__):
            yield "skipped", f"{', '.join(faults)}: {reason}"
        counted = [f"{name} {self.statistics[kind]:,}" for kind, name in COUNTED.items()]
        if self.statistics.keys() & COUNTED.keys():
            yield "inside", ", ".join(counted)
        yield "order", f"found for {self.settled:,} sessions" + self._unsettled()

    def _load(self) -> str:
        plan = self.plan
        crew = f"processes {plan.processes}, callers in each {plan.callers}"
        rounds = f"sessions a round {plan.sessions}, rounds {len(self.rounds)}"
        return f"{crew}, {rounds} in {self.seconds:.0f} s, seed {plan.seed}"

    def _checked(self) -> str:
        answered, refused, unknown = map(self.measures.count, ("ok", "refused", "unknown"))
        parts = f"{answered:,} answered, {refused:,} refused, {unknown:,} without an answer"
        return f"{self.operations:,} checked: {parts}"

    def _unsettled(self) -> str:
        if self.findings:
            return "; where other checks find something, none is looked for"
        if not self.undecided:
            return ""
        return f"; not settled for {self.undecided:,}, which passed all other checks"

    def told(self) -> str:
        """Tell it all in a few lines, the anomalies last."""
        lines = [f"{name:<11}{value}" for name, value in self.facts()]
        lines.append(f"{'anomalies':<11}{self.anomalies:,}")
        return "\n\n".join(["\n".join(lines), *self.shown()])

    def shown(self) -> list[str]:
        """Tell of the anomalies, the first ones."""
        shown = [*self.complaints, *map(str, self.findings)]
        hidden = len(shown) - SHOWN
        return shown[:SHOWN] + ([f"… and {hidden:,} more"] if hidden > 0 else [])
