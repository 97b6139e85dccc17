"""Jobs that several processes do on one store at the same time.

A job is an `async def` in a module that is imported by its name (not in a test file):

    async def spend(work: Work) -> int:
        async with open_store(work.url, keys=work.keyring) as store:
            await store.count_active()      # warm: connected, scripts loaded
            await work.meet()               # nobody begins before all are here
            ...

    answers = await processes.run(spend, store_url)
"""

import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Final

from holdfast import Keyring

PROCESSES: Final = 2
PATIENCE: Final = 60.0
KEYS: Final = Keyring.generate("security")

_here: list[Barrier] = []


@dataclass(frozen=True)
class Work:
    """What a process is told: the store, its keys, who it is, and whatever else a test says."""

    url: str
    keys: str
    number: int
    told: Any = None

    @property
    def keyring(self) -> Keyring:
        return Keyring.from_text(self.keys)

    async def meet(self) -> None:
        """Wait until every process of the run is here."""
        await asyncio.to_thread(_here[0].wait, PATIENCE)


Job = Callable[[Work], Awaitable[Any]]


class Processes:
    """Processes that share nothing with this one, or with each other, but what a job opens."""

    def __init__(self, pool: ProcessPoolExecutor, barrier: Barrier, count: int) -> None:
        self._pool = pool
        self._barrier = barrier
        self.count = count

    async def run(self, job: Job, url: str, *, keys: Keyring = KEYS, told: Any = None) -> list[Any]:
        """Have each process do the job once, at the same time; their answers in order."""
        self._barrier.reset()
        loop = asyncio.get_running_loop()
        works = [Work(url, keys.to_text(), number, told) for number in range(self.count)]
        calls = (loop.run_in_executor(self._pool, _do, job, work) for work in works)
        return list(await asyncio.gather(*calls))


@contextmanager
def several(count: int = PROCESSES) -> Iterator[Processes]:
    """Start processes for the block."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin, initargs=(barrier,)
    ) as pool:
        yield Processes(pool, barrier, count)


def _begin(barrier: Barrier) -> None:
    _here.append(barrier)


def _do(job: Job, work: Work) -> Any:
    return asyncio.run(_met(job, work))


async def _met(job: Job, work: Work) -> Any:
    # A process that has its job waits here, so that the next job goes to another one.
    await work.meet()
    return await job(work)
