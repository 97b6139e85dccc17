"""The exact check against the plain search that it is a faster form of."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from holdfast.testing.histories import Event, History, check_in_linear_time, check_order
from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.partition import Partition
from holdfast.testing.histories.specification import State, step
from tests.testing.histories.faulty import Faulty
from tests.testing.histories.simulation import MAX_ITEMS, Plan, simulate

HISTORIES = 120
# Reads that change nothing, whether they are answered or not.
IDLE = {"get", "items", "exists", "touch", "extend"}


def has_order(acts: Sequence[Act]) -> bool:
    """Try every order that real time allows, without any foresight."""
    known = [act for act in acts if not act.unknown]
    lost = [act for act in acts if act.unknown and act.kind not in IDLE]
    ways = [(0, 0, State())]
    been = set[tuple[object, ...]]()
    while ways:
        done, taken, state = ways.pop()
        if done == (1 << len(known)) - 1:
            return True
        if (done, taken, state.key()) in been:
            continue
        been.add((done, taken, state.key()))
        left = [(place, act) for place, act in enumerate(known) if not done >> place & 1]
        horizon = min(act.end for _, act in left)
        for place, act in enumerate(lost):
            if act.begin <= horizon and not taken >> place & 1:
                after = step(state, act, latest=horizon, max_items=MAX_ITEMS)
                if after is not None and after is not state:
                    ways.append((done, taken | 1 << place, after))
        for place, act in left:
            after = step(state, act, latest=horizon, max_items=MAX_ITEMS)
            if act.begin <= horizon and after is not None:
                ways.append((done | 1 << place, taken, after))
    return False


def altered(history: History, seed: int) -> History:
    """Move, lose, leave out or change a few answers."""
    faulty, dice = Faulty(history, seed), random.Random(seed)
    answered = [event for event in history.events if event.outcome != "unknown"]
    for event in dice.sample(answered, min(2, len(answered))):
        match dice.randrange(4):
            case 0:
                moved = dice.choice([-1, 1]) * dice.randrange(12_000_000)
                faulty.alter(event, begin=event.begin + moved, end=event.end + moved)
            case 1:
                faulty.alter(event, outcome="unknown", end=NEVER, answer=None, error="")
            case 2:
                del faulty.events[event.number]
            case _:
                faulty.events[event.number] = _answered_otherwise(event, dice)
    return faulty.history()


def _answered_otherwise(event: Event, dice: random.Random) -> Event:
    match event.answer:
        case bool(answer):
            return replace(event, answer=not answer)
        case {"revision": int(revision)}:
            shown = max(1, revision + dice.choice([-1, 1]))
            return replace(event, answer={**event.answer, "revision": shown})
        case _:
            return event


def _histories() -> Iterator[tuple[str, History]]:
    for seed in range(HISTORIES):
        sessions = (("calm",), ()) if seed % 2 else ((), ("wild",))
        plan = Plan(
            seed=seed, operations=14, callers=2 + seed % 3, calm=sessions[0], wild=sessions[1],
            unanswered=(0, 0.1, 0.25)[seed % 3],
        )  # fmt: skip
        history = asyncio.run(simulate(plan))
        # What watches and lists tell has no place in the order of a session.
        history = History(
            event for event in history.events if event.kind not in {"watch", "list", "count"}
        )
        yield f"{seed}", history
        for variant in range(3):
            yield f"{seed}/{variant}", altered(history, seed * 3 + variant)


def test_an_order_is_found_where_there_is_one_and_nowhere_else() -> None:
    """Of small histories, most of them altered; and the linear checks accuse none that has one."""
    counted = {True: 0, False: 0}
    for name, history in _histories():
        accused = {
            found.session for found in check_in_linear_time(history, max_items=MAX_ITEMS).findings
        }
        orders = check_order(history, max_items=MAX_ITEMS)
        for session, events in history.sessions().items():
            acts = Partition(session, events, max_items=MAX_ITEMS).acts
            expected = has_order(acts)
            found = orders[session]
            assert not found.undecided
            assert (found.finding is None) is expected, f"{name}: {found.finding}"
            assert not (expected and session in accused), name
            counted[expected] += 1
    assert min(counted.values()) > HISTORIES // 2, counted
