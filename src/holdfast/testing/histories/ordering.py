"""The exact check of one session: some order of all operations agrees with all answers."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.linearizability import BUDGET, Found, Search
from holdfast.testing.histories.partition import Partition
from holdfast.testing.histories.specification import State

MAX_AT_ONCE: Final = 20
MAX_OPERATIONS: Final = 5000
# How many operations before the impossible one are shown.
CONTEXT: Final = 8


class Ordered(NamedTuple):
    """What the search came to: nothing, a finding, or that it ran out of steps."""

    finding: Finding | None = None
    undecided: bool = False


def fits(partition: Partition) -> bool:
    """Say whether a session's history is small enough for an exact answer."""
    return partition.at_once <= MAX_AT_ONCE and len(partition.acts) <= MAX_OPERATIONS


def ordered(partition: Partition, *, budget: int = BUDGET) -> Ordered:
    """Look for an order; where there is none, show the shortest beginning that has none."""
    found = _search(partition, partition.acts, budget)
    if found.answer != "no":
        return Ordered(undecided=found.answer == "undecided")
    culprit = _first_without_order(partition, budget)
    before = _until(partition, culprit.end - 1)
    state = _search(partition, before, budget).state
    nearest = sorted(
        (act for act in before if act.place != culprit.place),
        key=lambda act: min(act.end, culprit.end),
    )[-CONTEXT:]
    why = (
        f"The answers to the {len(before)} operations before agree with an order, after which "
        f"{_told(state)}. With the answer to {culprit.event.who} no order agrees."
    )
    return Ordered(partition.finding("no_order", why, *nearest, culprit))


def _search(partition: Partition, acts: Sequence[Act], budget: int) -> Found:
    return Search(acts, max_items=partition.max_items, budget=budget).run()


def _first_without_order(partition: Partition, budget: int) -> Act:
    """Find the first answer with which there is no order.

    Whatever begins a history that has an order has one too, so halving finds it.
    """
    answered = sorted((act for act in partition.acts if act.end < NEVER), key=lambda act: act.end)

    def fails(place: int) -> bool:
        seen = _until(partition, answered[place].end)
        return _search(partition, seen, budget).answer == "no"

    return answered[bisect_right(range(len(answered) - 1), False, key=fails)]


def _until(partition: Partition, moment: int) -> Sequence[Act]:
    """Give what could be seen at a moment: answers that came later are unknown."""
    begun = [act for act in partition.acts if act.begin <= moment]
    return [act if act.end <= moment else Act(act.event.until(moment), act.place) for act in begun]


def _told(state: State) -> str:
    if not state.revision:
        return "there is no session"
    integers = ", ".join(f"{name} {value}" for name, value in sorted(state.integers.items()))
    held = ", held under a lease" if state.lease.token else ""
    return (
        f"the session is at revision {state.revision} ({integers or 'all counters 0'}, "
        f"last item {state.last_item}{held})"
    )
