"""How old what the near cache answers can be: another process writes, this one reads.

    python -m benchmarks.staleness --store redis://127.0.0.1:6379/0

The server must be empty, and is flushed. Exits with 1 where something older than the bound (three
pings' time) was answered, or something stale was left.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import redis

from benchmarks.staleness.sessions import Counted, opened
from holdfast import Keyring, StoreUnavailable
from holdfast.store import SessionStore
from holdfast.verification.proxy import Proxy

SESSIONS: Final = 20
PAUSE: Final = 0.002
SECONDS: Final = 10.0
BOUND: Final = 3.0
# A process that did nothing for so long stood still.
STILL: Final = 0.01
# What one pass over all sessions adds to what is measured.
GRAIN: Final = 0.1
NAME: Final = "staleness-reader"

Store = SessionStore[Counted]


class Seen(NamedTuple):
    """A read: when it began, of which session, and what it answered."""

    at: float
    session: int
    value: int


class Measurement:
    """Reads on and on while the other process writes, and compares."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys = Keyring.generate().to_text()
        self._server = redis.Redis.from_url(url)
        self._seen: list[Seen] = []
        self._pauses = 0
        self.broken: list[str] = []

    async def run(self) -> None:
        """Measure in each weather, and print; only on a server that has nothing but a mark.

        Raises:
            SystemExit: it has something.
        """
        if self._server.dbsize() > 1:
            raise SystemExit("The server is not empty, and would be flushed: name another one.")
        try:
            await self._measure_all()
        finally:
            self._server.flushall()

    async def _measure_all(self) -> None:
        await self._prepare()
        async with self._reader(self._near(self._url)) as store:
            await self._measure(store, "all well", _calm)
            await self._measure(store, "its connection killed five times a second", self._kill)
            await self._race(store)
            await self._flush(store)
        await self._partition()

    async def _prepare(self) -> None:
        self._server.flushall()
        async with opened(self._url, self._keys) as store:
            for number in range(SESSIONS):
                await store.create(f"s{number}")

    def _near(self, url: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}near_cache=10000&client_name={NAME}"

    @asynccontextmanager
    async def _reader(self, url: str) -> AsyncGenerator[Store]:
        async with opened(url, self._keys) as store:
            await store.get("s0")
            yield store

    async def _measure(
        self, store: Store, weather: str, disturb: Callable[[float], Awaitable[None]]
    ) -> None:
        """Read in some weather; say how long each write stayed unseen."""
        self._seen.clear()
        self._pauses = 0
        written = await self._beside_writer(store, disturb, SECONDS)
        ages = sorted(self._ages(written))
        hits = (await store.get_stats()).near_cache
        middle, p99 = ages[len(ages) // 2], ages[len(ages) * 99 // 100]
        line = (
            f"{weather}: {len(ages)} writes, {len(self._seen)} reads; unseen for {_ms(middle)} "
            f"(median), {_ms(p99)} (p99), {_ms(ages[-1])} (longest); near cache: "
            f"{hits['hits']:.0f} hits, {hits['misses']:.0f} misses, {hits['flushes']:.0f} flushes; "
            f"{self._pauses} pauses of this process left out"
        )
        self._say(ages[-1] < BOUND, line)

    async def _beside_writer(
        self, store: Store, disturb: Callable[[float], Awaitable[None]], seconds: float
    ) -> dict[tuple[int, int], float]:
        """Read while the other process writes; give when each count was acknowledged."""
        base = [(await self._value(store, number)) for number in range(SESSIONS)]
        words = [self._url, self._keys, str(SESSIONS), str(PAUSE)]
        writer = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.staleness.writer", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        told = asyncio.create_task(asyncio.to_thread(writer.stdout.readlines))  # type: ignore[union-attr]
        disturbing = asyncio.ensure_future(disturb(seconds))
        await self._read_on(store, seconds)
        await disturbing
        writer.stdin.close()  # type: ignore[union-attr]
        lines = [json.loads(line) for line in await told]
        writer.wait()
        await self._read_on(store, 0.5)
        return {
            (line["session"], base[line["session"]] + line["value"]): line["at"] for line in lines
        }

    async def _read_on(self, store: Store, seconds: float) -> None:
        """Read all sessions over and over.

        What is read right after the process itself stood still does not count: it had not yet
        looked at what Redis had told it meanwhile.
        """
        ends = before = time.monotonic()
        ends += seconds
        while (began := time.monotonic()) < ends:
            answers = [await self._read(store, number) for number in range(SESSIONS)]
            if time.monotonic() - before < STILL:
                self._seen += [answer for answer in answers if answer is not None]
            else:
                self._pauses += 1
            before = began
            await asyncio.sleep(0)

    async def _read(self, store: Store, number: int) -> Seen | None:
        at = time.monotonic()
        try:
            session = await store.get(f"s{number}")
        except StoreUnavailable:
            return None
        assert session is not None
        return Seen(at, number, session.visits)

    def _ages(self, written: dict[tuple[int, int], float]) -> list[float]:
        """Say for each write for how long after its acknowledgement something older was read."""
        last_older: dict[tuple[int, int], float] = {}
        for seen in self._seen:
            last_older[seen.session, seen.value + 1] = seen.at
        for session, value in sorted(written):
            # What was older than the count before was older than this one, too.
            before = last_older.get((session, value - 1), 0.0)
            last_older[session, value] = max(before, last_older.get((session, value), 0.0))
        return [max(0.0, last_older[write] - at) for write, at in written.items()]

    async def _kill(self, seconds: float) -> None:
        """Kill the reader's connection again and again."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for known in self._server.client_list():
                if known["name"] == NAME:
                    self._server.client_kill_filter(_id=known["id"])
            await asyncio.sleep(0.2)

    async def _race(self, store: Store) -> None:
        """Read while sessions move: what is near in the end must be what the store has."""
        fills = stale = 0
        async with opened(self._url, self._keys) as writer:
            for _ in range(75):
                names = [f"s{number}" for number in range(SESSIONS)]
                calls: list[Awaitable[Any]] = []
                for name in names:
                    calls += [store.get(name), writer.increment_counter(name, "visits")]
                    calls += [store.get(name)]
                await asyncio.gather(*calls)
                fills += 2 * SESSIONS
                for name in names:
                    fresh = await store.get(name, fresh=True)
                    stale += await store.get(name) != fresh
        self._say(stale == 0, f"{fills} fills beside {fills // 2} writes left {stale} stale")

    async def _flush(self, store: Store) -> None:
        self._server.flushall()
        flushed = time.monotonic()
        while await store.get("s0") is not None:
            await asyncio.sleep(0)
        took = time.monotonic() - flushed
        self._say(took < BOUND, f"FLUSHALL was seen after {_ms(took)}")
        await self._prepare()

    async def _partition(self) -> None:
        """Let nothing through to the reader, and write: how long does it answer what was?"""
        parts = urlsplit(self._url)
        address = (parts.hostname or "127.0.0.1", parts.port or 6379)
        async with Proxy(address) as proxy:
            url = self._near(
                self._url.replace(f"{address[0]}:{address[1]}", f"127.0.0.1:{proxy.port}")
            )
            async with self._reader(url) as store, opened(self._url, self._keys) as writer:
                for _ in range(3):
                    await self._cut_off(proxy, store, writer)

    async def _cut_off(self, proxy: Proxy, store: Store, writer: Store) -> None:
        before = await self._value(store, 0)
        with proxy.frozen():
            await writer.increment_counter("s0", "visits")
            written = last = time.monotonic()
            answers = 0
            while time.monotonic() < written + BOUND + 1:
                try:
                    async with asyncio.timeout(0.01):
                        stale = await self._value(store, 0) == before
                except (StoreUnavailable, TimeoutError):
                    continue
                if stale:
                    last, answers = time.monotonic(), answers + 1
                await asyncio.sleep(0.001)
        age = last - written
        line = f"cut off in silence: the old answer was given for {age:.2f} s ({answers} times)"
        self._say(age <= BOUND + GRAIN, line)
        while await self._value(store, 0) == before:
            await asyncio.sleep(0.01)

    async def _value(self, store: Store, number: int) -> int:
        while True:
            try:
                session = await store.get(f"s{number}")
            except StoreUnavailable:
                await asyncio.sleep(0.01)
                continue
            assert session is not None
            return session.visits

    def _say(self, kept: bool, line: str) -> None:
        print(line if kept else f"BROKEN: {line}", flush=True)
        if not kept:
            self.broken.append(line)


async def _calm(seconds: float) -> None:
    """Leave everything as it is."""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True, metavar="URL")
    measurement = Measurement(parser.parse_args().store)
    asyncio.run(measurement.run())
    return int(bool(measurement.broken))


if __name__ == "__main__":
    sys.exit(main())
