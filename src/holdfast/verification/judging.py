"""Whether the history of a round can be: all linear checks, and the exact one while it is short."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.errors import InvalidSession
from holdfast.testing.histories import Finding, History, check_in_linear_time
from holdfast.testing.histories.checking import orders
from holdfast.verification.plan import MAX_ITEMS

# Steps that the exact check may take a session. Where many calls go unanswered, the orders that
# are possible are many, and a session that is not settled soon is not settled late either.
STEPS: Final = 60_000
FEW_STEPS: Final = 10_000


@dataclass(frozen=True)
class Judgement:
    """What is wrong, and which sessions' order could not be settled."""

    findings: Sequence[Finding]
    undecided: Sequence[str] = ()
    settled: int = 0


def judge(history: History, *, steps: int = STEPS) -> Judgement:
    """Check a history; when the linear checks find something, no order is looked for."""
    verdict = check_in_linear_time(history, max_items=MAX_ITEMS)
    findings = (*verdict.findings, *_taken_for_wrong(history))
    if findings:
        return Judgement(findings)
    undecided: list[str] = []
    settled = 0
    for session, order in orders(history, max_items=MAX_ITEMS, budget=steps):
        if order.finding:
            return Judgement([order.finding], undecided, settled)
        if order.undecided:
            undecided.append(session)
        else:
            settled += 1
    return Judgement((), undecided, settled)


def _taken_for_wrong(history: History) -> Iterator[Finding]:
    """Find calls that were refused as invalid: the load makes none that is."""
    for event in history.events:
        if event.error == InvalidSession.__name__:
            why = f"Nothing is wrong with this {event.kind}."
            yield Finding("unexpected_error", event.session, (event,), why)
