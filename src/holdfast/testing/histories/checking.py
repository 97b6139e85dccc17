"""All checks of a history."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from holdfast.testing.histories.answers import (
    changes_applied_once,
    errors_agreed_on,
    own_answers,
    own_incarnations,
)
from holdfast.testing.histories.contents import right_contents
from holdfast.testing.histories.existence import alive, created_first
from holdfast.testing.histories.findings import Finding, Verdict
from holdfast.testing.histories.history import History
from holdfast.testing.histories.leases import leases_are_exclusive
from holdfast.testing.histories.linearizability import BUDGET
from holdfast.testing.histories.listings import listings_agree
from holdfast.testing.histories.logs import logs_are_whole
from holdfast.testing.histories.ordering import Ordered, fits, ordered
from holdfast.testing.histories.partition import Partition
from holdfast.testing.histories.revisions import all_there, order_in_time
from holdfast.testing.histories.totals import (
    counters_add_up,
    flags_won_once,
    numbers_given_once,
)
from holdfast.testing.histories.watches import watches_agree

MAX_ITEMS: Final = 1000

LINEAR_CHECKS: Final[Sequence[Callable[[Partition], Iterator[Finding]]]] = (
    order_in_time, all_there, right_contents, alive, created_first, changes_applied_once,
    counters_add_up, numbers_given_once, flags_won_once, logs_are_whole, leases_are_exclusive,
    own_answers, errors_agreed_on, watches_agree,
)  # fmt: skip


def check(history: History, *, max_items: int = MAX_ITEMS, budget: int = BUDGET) -> Verdict:
    """Check a history: the order exactly where it is small enough, all else in linear time.

    Findings come in the order in which they became visible. `max_items` is what the store keeps
    of a log, `budget` how many steps the exact check may take a session before it is undecided.
    """
    partitions = _partitions(history, max_items)
    exact = [partition for partition in partitions if fits(partition)]
    found = {partition.session: ordered(partition, budget=budget) for partition in exact}
    findings = [order.finding for order in found.values() if order.finding]
    findings += _linear(history, partitions)
    undecided = tuple(session for session, order in found.items() if order.undecided)
    return _verdict(history, partitions, findings, undecided, len(exact) - len(undecided))


def check_in_linear_time(history: History, *, max_items: int = MAX_ITEMS) -> Verdict:
    """Check a history of any size, without looking for an order of its operations."""
    partitions = _partitions(history, max_items)
    return _verdict(history, partitions, _linear(history, partitions), (), 0)


def check_order(
    history: History, *, max_items: int = MAX_ITEMS, budget: int = BUDGET
) -> dict[str, Ordered]:
    """Look for an order of the operations on each session, whatever the size."""
    return dict(orders(history, max_items=max_items, budget=budget))


def orders(history: History, *, max_items: int, budget: int) -> Iterator[tuple[str, Ordered]]:
    """Look for an order of the operations on one session after the other."""
    for partition in _partitions(history, max_items):
        yield partition.session, ordered(partition, budget=budget)


def _partitions(history: History, max_items: int) -> list[Partition]:
    return [
        Partition(session, events, max_items=max_items)
        for session, events in history.sessions().items()
    ]


def _linear(history: History, partitions: Sequence[Partition]) -> list[Finding]:
    found = [
        finding for partition in partitions for run in LINEAR_CHECKS for finding in run(partition)
    ]
    found += own_incarnations(partitions)
    return found + list(listings_agree(history.of_all_sessions(), partitions))


def _verdict(
    history: History,
    partitions: Sequence[Partition],
    findings: Sequence[Finding],
    undecided: tuple[str, ...],
    exact: int,
) -> Verdict:
    return Verdict(
        operations=len(history),
        sessions=len(partitions),
        findings=tuple(sorted(findings, key=lambda finding: finding.moment)),
        undecided=undecided,
        exact=exact,
    )
