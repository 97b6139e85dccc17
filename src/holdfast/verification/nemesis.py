"""What goes wrong in a round, when and to whom: decided by the seed."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.testing.histories.events import monotonic
from holdfast.verification.load import LEASE_SECONDS
from holdfast.verification.plan import Fault, Suffered
from holdfast.verification.swarm import Crew

# A fault of each kind comes about once in so many seconds.
EVERY: Final = 2.0
LONGEST_LEASE: Final = max(LEASE_SECONDS)


@dataclass(frozen=True)
class Blow:
    """A fault to come: in how many seconds, to which place, and for how long."""

    at: float
    fault: Fault
    place: int
    seconds: float = 0.0


def schedule(faults: Sequence[Fault], *, seconds: float, places: int, seed: str) -> list[Blow]:
    """Decide on the faults of a round; those of one kind do not always come to everybody."""
    dice = random.Random(seed)
    times = max(1, round(seconds / EVERY))
    blows = [_blow(dice, fault, seconds, places) for fault in faults for _ in range(times)]
    return sorted(blows, key=lambda blow: blow.at)


def _blow(dice: random.Random, fault: Fault, seconds: float, places: int) -> Blow:
    at, place = dice.uniform(0.05, 0.7) * seconds, dice.randrange(places)
    match fault:
        case "pause":
            return Blow(at, fault, place, dice.uniform(1.5, 3) * LONGEST_LEASE)
        case "block":
            return Blow(at, fault, place, dice.uniform(0.5, 1.5) * LONGEST_LEASE)
        case _:
            return Blow(at, fault, place)


def blocks(blows: Sequence[Blow], place: int) -> list[tuple[float, float]]:
    """Give what a worker does to itself."""
    return [
        (blow.at, blow.seconds) for blow in blows if blow.fault == "block" and blow.place == place
    ]


async def strike(crew: Crew, blows: Sequence[Blow]) -> list[Suffered]:
    """Do what comes from outside, each at its time."""
    outside = [blow for blow in blows if blow.fault in {"kill", "pause"}]
    struck = await asyncio.gather(*(_stroke(crew, blow) for blow in outside))
    return [suffered for suffered in struck if suffered is not None]


async def _stroke(crew: Crew, blow: Blow) -> Suffered | None:
    """Strike once; None when nobody was there, because the one before had just been killed."""
    await asyncio.sleep(blow.at)
    began = monotonic()
    if blow.fault == "kill":
        struck = crew.kill(blow.place)
    elif struck := crew.stop(blow.place):
        await asyncio.sleep(blow.seconds)
        crew.go_on(blow.place)
    return Suffered(blow.fault, blow.place, began, monotonic()) if struck else None
