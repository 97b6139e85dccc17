"""Many visitors at once on one worker, some of whom lose their line again and again."""

import asyncio
import random
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple

from benchmarks.conversations.service import served
from benchmarks.conversations.visitor import Visitor, faults

QUESTIONS: Final = (
    "How long does delivery take?",
    "Can I send something back?",
    "How do I pay by invoice?",
    "My parcel is damaged, what now?",
    "Do you deliver to Norway?",
)


class Crowd(NamedTuple):
    """What came of it; times in milliseconds, memory in megabytes."""

    visitors: int
    turns: int
    sockets: int
    duplicates: int
    faults: list[str]
    p50: float
    p95: float
    seconds: float
    memory_before: float
    memory_after: float


async def crowd(*, visitors: int, turns: int, seed: int) -> Crowd:
    """Have everybody talk at the same time, and compare both sides' logs."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        # All of them come from one network.
        settings = {"RATE_LIMIT": "false", "WEBSOCKET_UNKNOWN_PER_NETWORK": str(2 * visitors)}
        async with served(Path(folder), settings) as service:
            people = [Visitor(service.url, f"v{number}") for number in range(visitors)]
            for person in people:
                await person.begin()
            before = service.megabytes()
            clock = asyncio.get_running_loop().time
            began = clock()
            restless = set(chance.sample(range(visitors), visitors // 3))
            await asyncio.gather(
                *(
                    _talk(person, turns, random.Random(chance.random()), loses=place in restless)
                    for place, person in enumerate(people)
                )
            )
            seconds = clock() - began
            after = service.megabytes()
            found = [fault for person in people for fault in await _faults(person, turns)]
    taken = sorted(second * 1000 for person in people for second in person.seconds)
    return Crowd(
        visitors,
        turns,
        sum(person.sockets for person in people),
        sum(person.duplicates for person in people),
        found,
        median(taken),
        quantiles(taken, n=20)[-1],
        seconds,
        before,
        after,
    )


async def _faults(person: Visitor, turns: int) -> list[str]:
    return faults(person, await person.log(), turns=turns)


async def _talk(person: Visitor, turns: int, chance: random.Random, *, loses: bool) -> None:
    losing = asyncio.create_task(_lose(person, chance)) if loses else None
    try:
        for number in range(turns):
            await person.turn(number, f"{chance.choice(QUESTIONS)} ({person.name}, {number})")
    finally:
        if losing:
            losing.cancel()
        await person.close()


async def _lose(person: Visitor, chance: random.Random) -> None:
    while True:
        await asyncio.sleep(chance.uniform(0.05, 2.0))
        await person.leave()
