"""Interleaved rounds: each contender has a turn in every round, so that noise falls on all."""

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count, cycle
from typing import TypeVar

from holdfast.benchmarking.contender import Call
from holdfast.benchmarking.failures import noting

K = TypeVar("K")
Turn = Callable[[], Awaitable[float]]
Rates = dict[K, tuple[float, ...]]


async def interleave(
    turns: Mapping[K, Turn], *, rounds: int, failures: dict[K, str]
) -> dict[K, tuple[float, ...]]:
    """Give every contender a turn a round, in another order each time, after one to warm up.

    One that raises takes no further part, and is in `failures`.
    """
    rates: dict[K, list[float]] = {key: [] for key in turns}
    for number in range(-1, rounds):
        keys = [key for key in rates if key not in failures]
        # One collection a round, not one a turn: a process full of libraries takes long for it.
        gc.collect()
        for key in in_order(keys, number):
            with noting(failures, key):
                measured = await turns[key]()
                if number >= 0:
                    rates[key].append(measured)
    return {key: tuple(measured) for key, measured in rates.items() if key not in failures}


def in_order(keys: Sequence[K], number: int) -> list[K]:
    """Mix contenders for a round; every second round goes the way of the one before backwards.

    So nobody is always first, nor always after the same one, which may leave the disk busy.
    """
    mixed = random.Random(number // 2).sample(keys, len(keys))
    return mixed[::-1] if number % 2 else mixed


async def rate(call: Call, session_ids: Sequence[str], *, callers: int, seconds: float) -> float:
    """Call from several tasks at once for some time; give the calls a second that were done.

    Each caller goes round a share of the sessions that no other caller uses, while there are
    enough of them.
    """
    numbers = count()
    began = time.perf_counter()

    async def keep_calling(share: Sequence[str]) -> int:
        done = 0
        session_ids = cycle(share)
        while time.perf_counter() < began + seconds:
            done += await call(next(session_ids), next(numbers))
        return done

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(keep_calling(session_ids[number % len(session_ids) :: callers]))
            for number in range(callers)
        ]
    return sum(task.result() for task in tasks) / (time.perf_counter() - began)
