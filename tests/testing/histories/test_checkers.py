"""The checkers find every kind of fault, and nothing in the histories of a sound store."""

import random
from itertools import islice

import pytest

from holdfast.testing.histories import History, check, check_in_linear_time, check_order
from holdfast.testing.histories.events import NEVER
from tests.testing.histories.conftest import CleanHistories
from tests.testing.histories.faults import FAULTS, Fault
from tests.testing.histories.faulty import Faulty, NoPlace
from tests.testing.histories.simulation import MAX_ITEMS

CLEAN = 200
SEEDS = 20
# What is found in lists, counts and watches, which have no place in the order of a session.
WITHOUT_ORDER = {kind for fault in FAULTS if not fault.exact for kind in fault.kinds}


@pytest.mark.slow
def test_a_sound_store_is_never_accused(clean: CleanHistories) -> None:
    """200 histories with refused, unanswered and late operations pass all checks, and none of
    them is left undecided.
    """
    for seed in range(CLEAN):
        verdict = check(clean.get(seed), max_items=MAX_ITEMS)
        assert verdict.ok, f"seed {seed}: {verdict}"
        assert (verdict.undecided, verdict.exact) == ((), 2), f"seed {seed}"


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_found_by_both_checkers(clean: CleanHistories, fault: Fault) -> None:
    """In 20 of 20 histories: the linear checks call it by its name, and no order is found of what
    has one.
    """
    for seed, faulty in _with(fault, clean):
        verdict = check_in_linear_time(faulty, max_items=MAX_ITEMS)
        assert verdict.kinds & set(fault.kinds), f"seed {seed}: {verdict}"
        orders = check_order(faulty, max_items=MAX_ITEMS)
        assert any(order.finding for order in orders.values()) or not fault.exact, f"seed {seed}"


def _with(fault: Fault, clean: CleanHistories) -> list[tuple[int, History]]:
    found: list[tuple[int, History]] = []
    for seed, history in clean.seeds(unanswered=fault.unanswered):
        faulty = Faulty(history, seed)
        try:
            fault.put_into(faulty)
        except NoPlace:
            continue
        found.append((seed, faulty.history()))
        if len(found) == SEEDS:
            return found
    raise AssertionError(f"only {len(found)} histories have a place for {fault}")


def test_the_linear_checks_accuse_only_where_no_order_exists(clean: CleanHistories) -> None:
    """Histories altered at random: whatever the linear checks object to, the exact one does too."""
    accused = 0
    for seed, history in islice(clean.seeds(unanswered=0.08), 40):
        altered = _altered(history, seed)
        orders = check_order(altered, max_items=MAX_ITEMS, budget=400_000)
        for finding in check_in_linear_time(altered, max_items=MAX_ITEMS).findings:
            if finding.kind in WITHOUT_ORDER:
                continue
            assert orders[finding.session].finding is not None, f"seed {seed}: {finding}"
            accused += 1
    assert accused > 10


def _altered(history: History, seed: int) -> History:
    """Give one call the answer of another, let one come at another time, or lose an answer."""
    faulty, dice = Faulty(history, seed), random.Random(seed)
    answered = [event for event in history.events if event.outcome == "ok"]
    for _ in range(2):
        event = dice.choice(answered)
        match dice.randrange(3):
            case 0:
                alike = [
                    other
                    for other in answered
                    if (other.kind, other.session) == (event.kind, event.session)
                ]
                faulty.alter(event, answer=dice.choice(alike).answer)
            case 1:
                moved = dice.choice([-1, 1]) * dice.randrange(20_000_000)
                faulty.alter(event, begin=event.begin + moved, end=event.end + moved)
            case _:
                faulty.alter(event, outcome="unknown", end=NEVER, answer=None)
    return faulty.history()
