"""Whether the history of a round can be: all linear checks, and the exact one while it is short."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

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
    if verdict.findings:
        return Judgement(verdict.findings)
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
