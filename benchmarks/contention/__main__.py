"""A thousand callers in four processes who all want one session of a Redis store.

    python -m benchmarks.contention --store redis://127.0.0.1:6379/0

It says what waiting costs (commands a waiter and second, while nobody gives the session back), how
long a hand-over takes, whether anybody was overtaken, and how long the death of a holder costs.
Exits with 1 where a promise is broken.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import median
from typing import Any, Final

import redis

from benchmarks.contention.contender import NAMESPACE, SESSION
from holdfast import Keyring, LeaseUnavailable, SessionStore, open_store

WATCHED: Final = 5.0
# No death costs more than the rest of the lease and so many seconds.
DEATH: Final = 3.0
TTL: Final = 1.0

Facts = dict[str, Any]
Store = SessionStore[Any]


class Process:
    """A process of contenders, and what it said."""

    def __init__(self, store: str, keys: Keyring, *, waiters: int, ttl: float, hold: float) -> None:
        words = [store, keys.to_text(), str(waiters), str(ttl), str(hold)]
        command = [sys.executable, "-m", "benchmarks.contention.contender", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def next(self) -> Facts:
        """Wait for the next line."""
        assert self._process.stdout is not None
        facts: Facts = json.loads(self._process.stdout.readline())
        return facts

    def rest(self) -> list[Facts]:
        """Wait for its end, and give all other lines."""
        output, _ = self._process.communicate()
        return [json.loads(line) for line in output.splitlines()]

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def contending(count: int, *arguments: Any, **terms: Any) -> Iterator[list[Process]]:
    """Start so many processes, and leave none behind."""
    processes = [Process(*arguments, **terms) for _ in range(count)]
    try:
        for process in processes:
            assert process.next()["waiting"] == terms["waiters"]
        yield processes
    finally:
        for process in processes:
            process.kill()


class Campaign:
    """The store, and the promises that were broken on it."""

    def __init__(self, url: str, *, waiters: int, processes: int) -> None:
        self._url, self._processes = url, processes
        self._each = waiters // processes
        self._keys = Keyring.generate()
        self._server = redis.Redis.from_url(url)
        self.broken: list[str] = []

    async def run(self, *, kills: int) -> None:
        """Measure, and print."""
        store = open_store(self._url, keys=self._keys, namespace=NAMESPACE)
        async with store:
            await store.delete(SESSION)
            await store.create(SESSION)
            await self._take_turns(store)
            for _ in range(kills):
                await self._lose_holder(store)
            await store.delete(SESSION)

    async def _take_turns(self, store: Store) -> None:
        grant = await store.leases.acquire(SESSION, ttl=120, wait=0)
        terms: Facts = {"waiters": self._each, "ttl": 30.0, "hold": 0.0}
        with contending(self._processes, self._url, self._keys, **terms) as processes:
            await asyncio.sleep(2)
            cost = await self._cost_of_waiting()
            self._promise(cost < 1, f"waiting costs {cost:.4f} commands a waiter and second")
            await store.leases.release(SESSION, grant.token)
            released = time.monotonic()
            gathered = await asyncio.gather(*(asyncio.to_thread(one.rest) for one in processes))
        turns = sorted(
            ({**turn, "process": place} for place, lines in enumerate(gathered) for turn in lines),
            key=lambda turn: turn["granted"],
        )
        self._judge(turns, began=released)

    async def _cost_of_waiting(self) -> float:
        before = self._calls()
        await asyncio.sleep(WATCHED)
        return (self._calls() - before) / WATCHED / (self._each * self._processes)

    def _calls(self) -> int:
        statistics: Facts = self._server.info("commandstats")
        return int(statistics["cmdstat_evalsha"]["calls"])

    def _judge(self, turns: list[Facts], *, began: float) -> None:
        expected = self._each * self._processes
        self._promise(len(turns) == expected, f"{len(turns)} of {expected} callers had their turn")
        both = list(pairwise(turns))
        overlaps = sum(later["granted"] < earlier["released"] for earlier, later in both)
        self._promise(overlaps == 0, f"{overlaps} turns overlapped")
        overtaken = 0
        for place in range(self._processes):
            order = [turn["waiter"] for turn in turns if turn["process"] == place]
            overtaken += sum(later < earlier for earlier, later in pairwise(order))
        self._promise(overtaken == 0, f"{overtaken} callers were overtaken in their process")
        took = sorted(
            later["granted"] - earlier["released"]
            for earlier, later in both
            if earlier["process"] != later["process"]
        )
        print(
            f"{len(took)} hand-overs between processes: median {median(took) * 1000:.2f} ms, "
            f"p99 {took[len(took) * 99 // 100] * 1000:.2f} ms, longest {took[-1] * 1000:.1f} ms; "
            f"all turns in {turns[-1]['released'] - began:.2f} s"
        )

    async def _lose_holder(self, store: Store) -> None:
        """Kill a holder in whose line others stand."""
        with contending(1, self._url, self._keys, waiters=1, ttl=TTL, hold=3600.0) as holders:
            while await self._is_free(store):
                await asyncio.sleep(0.05)
            next_ones: Facts = {"waiters": 50, "ttl": 30.0, "hold": 0.0}
            with contending(self._processes, self._url, self._keys, **next_ones) as processes:
                await asyncio.sleep(0.5)
                holders[0].kill()
                killed = time.monotonic()
                first = await asyncio.gather(*(asyncio.to_thread(p.next) for p in processes))
                await asyncio.gather(*(asyncio.to_thread(p.rest) for p in processes))
                waited = min(turn["granted"] for turn in first) - killed
        said = f"the next holder came {waited:.2f} s after the death of one with a lease of {TTL} s"
        self._promise(waited < TTL + DEATH, said)

    async def _is_free(self, store: Store) -> bool:
        try:
            grant = await store.leases.acquire(SESSION, ttl=1, wait=0)
        except LeaseUnavailable:
            return False
        return await store.leases.release(SESSION, grant.token)

    def _promise(self, kept: bool, said: str) -> None:
        print(said if kept else f"BROKEN: {said}", flush=True)
        if not kept:
            self.broken.append(said)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--waiters", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--kills", type=int, default=10)
    options = parser.parse_args()
    campaign = Campaign(options.store, waiters=options.waiters, processes=options.processes)
    asyncio.run(campaign.run(kills=options.kills))
    return int(bool(campaign.broken))


if __name__ == "__main__":
    sys.exit(main())
