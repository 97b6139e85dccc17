"""What should be there after concurrent work, and what is."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.work import APPEND, INCREMENT, SPLIT_INCREMENT, Scale


class Tally(NamedTuple):
    """What callers asked of one session, what the store acknowledged, and what was in it after."""

    store: str
    work: str
    callers: int
    asked: int
    acknowledged: int
    found: int

    @property
    def refused(self) -> int:
        """How many callers were told that their write was not made."""
        return self.asked - self.acknowledged

    @property
    def lost(self) -> int:
        """How many acknowledged writes are not there."""
        return max(0, self.acknowledged - self.found)


async def audit(name: str, contender: Contender, scale: Scale) -> list[Tally]:
    """Let many callers append to one session, and increment on another; count what remained."""
    increment = SPLIT_INCREMENT if SPLIT_INCREMENT in contender.calls else INCREMENT
    kinds: tuple[tuple[str, str, Callable[[Kept], int | None]], ...] = (
        ("audited-turns", APPEND, lambda kept: kept.turns),
        ("audited-counter", increment, lambda kept: kept.counter),
    )
    tallies: list[Tally] = []
    for session_id, work, count in kinds:
        if work not in contender.calls:
            continue
        await contender.begin([session_id])
        done = await _call_all(contender.calls[work], session_id, scale)
        found = count(await contender.kept(session_id)) or 0
        asked = scale.audited * scale.audited_calls
        tallies.append(Tally(name, work, scale.audited, asked, done, found))
    return tallies


async def _call_all(call: Call, session_id: str, scale: Scale) -> int:
    async def caller(first: int) -> int:
        return sum([await call(session_id, first + n) for n in range(scale.audited_calls)])

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(caller(number * scale.audited_calls))
            for number in range(scale.audited)
        ]
    return sum(task.result() for task in tasks)
