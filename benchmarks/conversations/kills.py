"""A service that is killed in the middle of answers, and started again."""

import asyncio
import random
import signal
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.conversations.model import slow_model
from benchmarks.conversations.service import Service, served
from benchmarks.conversations.visitor import Visitor, faults


class Kills(NamedTuple):
    """What came of it: how many messages were sent again after an interruption, and what failed."""

    kills: int
    conversations: int
    turns: int
    retries: int
    faults: list[str]


async def killed(*, kills: int, visitors: int, seed: int) -> Kills:
    """Kill the service once a turn, at a random moment; every message must come to one answer."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            slow_model() as settings,
            served(Path(folder), {**settings, "RATE_LIMIT": "false"}) as service,
        ):
            people = [Visitor(service.url, f"v{number}") for number in range(visitors)]
            for person in people:
                await person.begin()
            for number in range(kills):
                await asyncio.gather(
                    _kill(service, after=chance.uniform(0.05, 2.5)),
                    *(person.turn(number, f"Go on. ({number})") for person in people),
                )
            found = [
                fault
                for person in people
                for fault in faults(person, await person.log(), turns=kills)
            ]
            for person in people:
                await person.close()
    retries = sum(person.retries for person in people)
    return Kills(kills, visitors, kills * visitors, retries, found)


async def _kill(service: Service, *, after: float) -> None:
    await asyncio.sleep(after)
    await service.end(signal.SIGKILL)
    await service.start()
