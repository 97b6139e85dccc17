"""One run: callers in several processes, keys that turn, and what is left in the end."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.key_rotation.callers import (
    LOOKS_EVERY,
    SESSIONS,
    SETTLES,
    Report,
    Shared,
    call,
    fill,
    name,
    opened,
)
from benchmarks.key_rotation.turning import (
    SPAWN,
    Job,
    Process,
    Task,
    Turned,
    killed_again_and_again,
    retire_unused,
    space_of,
    turn,
)
from holdfast import SessionStore
from holdfast.key_file import new_entry, write_key_file
from holdfast.keyring import read_key_file
from holdfast.resealing import SealedSpace

# How long processes may take to begin, in seconds.
PATIENCE: Final = 60.0

_over: list[Event] = []
_barrier: list[Barrier] = []


class Result(NamedTuple):
    """What a run has come to; it is good when there are no failures."""

    report: Report
    turned: Turned
    left: Counter[str]
    keys: tuple[str, ...]

    def failures(self) -> list[str]:
        """Say what went wrong."""
        failures = list(self.report.failures)
        if len(self.keys) != 1 or set(self.left) != set(self.keys):
            failures.append(f"left under {dict(self.left)}, keys {self.keys}")
        return failures


@dataclass
class Run:
    """What a run needs to know."""

    url: str
    folder: Path
    rotations: int
    processes: int = 2
    kills: int = field(default=0, init=False)

    @property
    def path(self) -> Path:
        """The file of keys."""
        return self.folder / "keys"

    @property
    def alone(self) -> bool:
        """Whether one process has the store for itself."""
        return self.url.startswith("memory:")


async def rotate_under_load(run: Run) -> Result:
    """Run it all."""
    write_key_file(run.path, [new_entry()])
    async with opened(run.url, run.path) as store:
        await fill(store)
        space = space_of(store, run.path)
        async with killed_again_and_again(_jobs(run, space), lambda: _count(run)):
            ready = asyncio.Event()
            turning = asyncio.create_task(_turn(run, space, ready))
            if run.alone:
                ready.set()
                calling = call(store, 0, turning.done)
            else:
                calling = _call_apart(run, ready, turning)
            report, turned = await asyncio.gather(calling, turning)
        turned.kills = run.kills
        await _end(run, space, turned)
        await _compare(store, report)
        keys = tuple(entry.key_id for entry in read_key_file(run.path))
        return Result(report, turned, await space.count(), keys)


def _jobs(run: Run, space: SealedSpace) -> Callable[[], Job]:
    return (lambda: Task(space)) if run.alone else (lambda: Process(run.url, run.path))


def _count(run: Run) -> None:
    run.kills += 1


async def _turn(run: Run, space: SealedSpace, ready: asyncio.Event) -> Turned:
    """Turn the keys once all callers are at work, until the job was killed more than once."""
    await ready.wait()
    return await turn(
        run.path, space, lambda turned: turned.rotations >= run.rotations and run.kills > 1
    )


async def _call_apart(run: Run, ready: asyncio.Event, turning: "asyncio.Task[Turned]") -> Report:
    """Call from several processes, as long as the keys turn."""
    over, loop, report = SPAWN.Event(), asyncio.get_running_loop(), Report()
    barrier = SPAWN.Barrier(run.processes + 1)
    with ProcessPoolExecutor(
        run.processes, mp_context=SPAWN, initializer=_begin, initargs=(over, barrier)
    ) as pool:
        answers = [
            loop.run_in_executor(pool, _in_process, run.url, run.path, number)
            for number in range(run.processes)
        ]
        await asyncio.to_thread(barrier.wait, PATIENCE)
        ready.set()
        await asyncio.wait([turning])
        over.set()
        for answer in await asyncio.gather(*answers):
            report.merge(answer)
    return report


def _begin(over: Event, barrier: Barrier) -> None:
    _over.append(over)
    _barrier.append(barrier)


def _in_process(url: str, path: Path, number: int) -> Report:
    async def run() -> Report:
        async with opened(url, path) as store:
            await asyncio.to_thread(_barrier[0].wait, PATIENCE)
            return await call(store, number, _over[0].is_set, seed=100 * number)

    return asyncio.run(run())


async def _end(run: Run, space: SealedSpace, turned: Turned) -> None:
    """Let the last key settle, reseal to the end, and retire all others."""
    settled = read_key_file(run.path)[0].seals_from + SETTLES
    await asyncio.sleep(max(0, settled - time.time()) + LOOKS_EVERY)
    while (await space.reseal()).exchanged:
        continue
    turned.retired += await retire_unused(run.path, space)


async def _compare(store: SessionStore[Shared], report: Report) -> None:
    """Hold the store to every change that it has acknowledged."""
    for number in range(SESSIONS):
        session = await store.get(name(number))
        if session is None:
            report.failures.append(f"session {number} is gone")
            continue
        for kept, told in (("changes", session.changes), ("total", session.total)):
            if told != report.acknowledged[number, kept]:
                expected = report.acknowledged[number, kept]
                report.failures.append(f"session {number}: {kept} is {told}, not {expected}")
        for (of, own), count in report.last.items():
            if of == number and session.metadata.get(own) != count:
                report.failures.append(f"session {number}: {own} is not {count}")
