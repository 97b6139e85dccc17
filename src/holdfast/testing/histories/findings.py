"""What was found, told so that a person can follow it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.testing.histories.acts import text
from holdfast.testing.histories.events import NEVER, Event

MILLISECOND: Final = 1_000_000
LONGEST: Final = 96
# Beyond these, one more finding tells nothing new.
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that cannot be: a kind, the operations that show it, and one sentence why."""

    kind: str
    session: str
    events: tuple[Event, ...]
    why: str

    @property
    def moment(self) -> int:
        """Say when it had become visible: when the last of its operations had ended."""
        ends = [event.end for event in self.events if event.end < NEVER]
        return max(ends, default=max((event.begin for event in self.events), default=0))

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.kind} in session {self.session}", *timeline(self.events), f"  {self.why}"]
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking a history came to. `undecided` names sessions whose order was not settled."""

    operations: int
    sessions: int
    findings: tuple[Finding, ...]
    undecided: tuple[str, ...] = ()
    exact: int = 0

    @property
    def ok(self) -> bool:
        """Say that nothing was found."""
        return not self.findings

    @property
    def kinds(self) -> frozenset[str]:
        """Name the kinds of what was found."""
        return frozenset(finding.kind for finding in self.findings)

    def __str__(self) -> str:
        found = f"{len(self.findings)} anomalies" if self.findings else "no anomaly"
        head = f"{found} in {self.operations} operations on {self.sessions} sessions"
        head += f"; exact order found or refuted for {self.exact}"
        if self.undecided:
            head += f"; undecided for {len(self.undecided)}"
        shown = [str(finding) for finding in self.findings[:SHOWN]]
        hidden = len(self.findings) - len(shown)
        return "\n\n".join([head, *shown, *([f"… and {hidden} more"] if hidden else [])])


def timeline(events: Iterable[Event]) -> list[str]:
    """Show operations in a table: when in milliseconds, who, what, and what was answered."""
    ordered = sorted(set_of(events), key=lambda event: (event.begin, event.number))
    if not ordered:
        return []
    zero = ordered[0].begin
    width = max(len(event.who) for event in ordered)
    return [
        f"  {_when(event, zero):>21} ms  {event.who:<{width}}  {_shortened(_told(event))}"
        for event in ordered
    ]


def set_of(events: Iterable[Event]) -> Sequence[Event]:
    """Leave out repeated events."""
    return list({event.number: event for event in events}.values())


def _when(event: Event, zero: int) -> str:
    begin = f"{(event.begin - zero) / MILLISECOND:.3f}"
    end = "?" if event.end == NEVER else f"{(event.end - zero) / MILLISECOND:.3f}"
    return f"{begin} … {end}"


def _told(event: Event) -> str:
    request = "" if not event.request else f" {text(event.request)}"
    match event.outcome:
        case "ok":
            answer = text(event.answer)
        case "refused":
            answer = event.error + (f" {text(event.answer)}" if event.answer else "")
        case "unknown":
            answer = f"no answer ({event.error or 'cut off'})"
    return f"{_shortened(event.kind + request, LONGEST // 2)} → {answer}"


def _shortened(line: str, longest: int = LONGEST) -> str:
    return line if len(line) <= longest else line[: longest - 1] + "…"
