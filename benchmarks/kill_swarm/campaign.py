"""Starting, killing and starting again.

Writers are forked from this process, which has no threads and no file open at that time.
"""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from benchmarks.kill_swarm.audit import integrity, read_all, violations
from benchmarks.kill_swarm.journal import Written, read_journals
from benchmarks.kill_swarm.writer import Swarm, live
from holdfast import Keyring

WRITERS = 4
SESSIONS = 48
LONGEST_LIFE = 1.0
SETTLING = 60.0
# After every tenth kill the store is looked at before anyone writes again.
AUDITED_EVERY = 10


class Totals(NamedTuple):
    """What a campaign did and found."""

    kills: int
    processes_killed: int
    acknowledged: int
    items: int
    settled: int
    applied_before: int
    violations: list[str]


class Campaign:
    """A swarm of writers, and who kills them; the seed decides when and whom."""

    def __init__(self, folder: Path, *, seed: int, tell: Callable[[str], None]) -> None:
        session_ids = tuple(f"tally-{number}" for number in range(SESSIONS))
        self._swarm = Swarm(folder, Keyring.generate(), session_ids, seed)
        self._chances = random.Random(seed)
        self._tell = tell
        self._alive: dict[int, BaseProcess] = {}
        self._lives = 0
        self._killed = 0
        self._violations: list[str] = []

    def run(self, kills: int) -> Totals:
        """Kill `kills` times, settle what is open, and compare the store with the journals."""
        asyncio.run(self._create_sessions())
        with self._ending_all():
            for kill in range(1, kills + 1):
                self._start_missing(settle_only=False)
                time.sleep(self._chances.uniform(0.01, LONGEST_LIFE))
                self._kill_some(everyone=kill % AUDITED_EVERY == 0)
                if kill % AUDITED_EVERY == 0:
                    self._audit(f"after kill {kill}")
            self._kill_some(everyone=True)
            self._settle()
        written = self._audit("at the end")
        if (found := integrity(self._swarm)) != "ok":
            self._violations.append(f"the file is damaged: {found}")
        return Totals(
            kills=kills,
            processes_killed=self._killed,
            acknowledged=len(written.acknowledged),
            items=sum(order.items for order in written.sent.values()),
            settled=len(written.settled),
            applied_before=sum(written.settled.values()),
            violations=self._violations,
        )

    async def _create_sessions(self) -> None:
        async with self._swarm.open() as store:
            for session_id in self._swarm.session_ids:
                await store.create(session_id)

    @contextmanager
    def _ending_all(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._kill(list(self._alive))

    def _start_missing(self, *, settle_only: bool) -> None:
        for worker in set(range(WRITERS)) - self._alive.keys():
            self._lives += 1
            process = multiprocessing.get_context("fork").Process(
                target=live,
                args=(self._swarm, worker, self._lives),
                kwargs={"settle_only": settle_only},
            )
            process.start()
            self._alive[worker] = process

    def _kill_some(self, *, everyone: bool) -> None:
        """Kill all writers, or every other time a random one."""
        everyone = everyone or self._chances.random() < 0.5
        alive = sorted(self._alive)
        chosen = alive if everyone else [self._chances.choice(alive)]
        ended = [worker for worker in chosen if self._alive[worker].exitcode is not None]
        self._violations += [f"writer {worker} ended by itself" for worker in ended]
        self._kill(chosen)
        self._killed += len(chosen)

    def _kill(self, workers: list[int]) -> None:
        for worker in workers:
            pid = self._alive[worker].pid
            if pid is not None and self._alive[worker].exitcode is None:
                os.kill(pid, signal.SIGKILL)
        for worker in workers:
            self._alive.pop(worker).join()

    def _settle(self) -> None:
        """Let each writer send again what was never answered, and end."""
        self._start_missing(settle_only=True)
        last = time.monotonic() + SETTLING
        for process in self._alive.values():
            process.join(max(0.0, last - time.monotonic()))
        late = [worker for worker, process in self._alive.items() if process.exitcode != 0]
        self._violations += [f"writer {worker} could not settle" for worker in late]

    def _audit(self, when: str) -> Written:
        written = self._read_journals()
        found = violations(asyncio.run(read_all(self._swarm)), written)
        self._violations += [f"{when}: {violation}" for violation in found]
        self._tell(
            f"{when}: {len(written.acknowledged):,} changes acknowledged, "
            f"{len(written.unknown)} open, {len(found)} violations"
        )
        return written

    def _read_journals(self) -> Written:
        return read_journals(*(self._swarm.journal(worker) for worker in range(WRITERS)))
