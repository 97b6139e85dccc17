"""Interleaved rounds: each contender has a turn in every round, so that noise falls on all."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import count
from typing import NamedTuple

from holdfast.benchmarking.rounds import in_order

CALLERS = 64


class Work(NamedTuple):
    """What was done in one turn."""

    operations: int
    seconds: float

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds


class Scale(NamedTuple):
    """How long a run takes: rounds, and about how many seconds each turn in a round has.

    `caps` are the two sizes of a full memory store that creation is compared at.
    """

    rounds: int = 9
    seconds: float = 0.4
    sessions: int = 1000
    caps: tuple[int, int] = (1000, 100_000)


QUICK = Scale(rounds=3, seconds=0.15, caps=(1000, 20_000))

Clock = Callable[[], float]
Turn = Callable[[], Awaitable[Work]]
Call = Callable[[int], Awaitable[object]]
Rates = dict[str, tuple[float, ...]]


async def interleave(contenders: Mapping[str, Turn], *, rounds: int) -> Rates:
    """Give every contender a turn a round, in another order each time, after one to warm up."""
    names = list(contenders)
    rates: dict[str, list[float]] = {name: [] for name in names}
    for turn in contenders.values():
        await turn()
    for number in range(rounds):
        for name in in_order(names, number):
            gc.collect()
            rates[name].append((await contenders[name]()).rate)
    return {name: tuple(measured) for name, measured in rates.items()}


async def for_a_while(
    call: Call, *, seconds: float, callers: int = CALLERS, clock: Clock = time.perf_counter
) -> Work:
    """Call from several tasks at once for some time; the calls are numbered throughout.

    `clock` is asked at the beginning and at the end only: some clocks cost more than a call.
    """
    numbers = count()
    began, end = clock(), time.perf_counter() + seconds

    async def keep_calling() -> int:
        made = 0
        while time.perf_counter() < end:
            await call(next(numbers))
            made += 1
        return made

    made = await asyncio.gather(*(keep_calling() for _ in range(callers)))
    return Work(sum(made), clock() - began)


async def once_each(
    call: Call, *, calls: int, callers: int = CALLERS, clock: Clock = time.perf_counter
) -> Work:
    """Make the calls 0, 1, 2 … from several tasks at once."""
    numbers = iter(range(calls))
    began = clock()
    await asyncio.gather(*(_call_all(call, numbers) for _ in range(callers)))
    return Work(calls, clock() - began)


async def _call_all(call: Call, numbers: Iterator[int]) -> None:
    for number in numbers:
        await call(number)


async def repeatedly(turn: Turn, *, seconds: float) -> Work:
    """Take short turns until their own times add up to `seconds`; what is between is not timed."""
    total = Work(0, 0.0)
    while total.seconds < seconds:
        work = await turn()
        total = Work(total.operations + work.operations, total.seconds + work.seconds)
    return total
