"""A million sessions in one Redis server: what they take, and what still takes no longer.

    python -m benchmarks.many_sessions [--sessions 1000000]

It creates typical sessions (3 values, 1 counter, 4 items of 150 bytes; no user), and compares the
rate of creations, a count and a first page at the end with those at the beginning. It prints the
memory a session takes with the server's own settings and with larger listpacks, what it remembers
of its changes for two minutes apart, and whether any command looked at all keys. It ends with 1
when one did.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Final

from redis.asyncio import Redis

from benchmarks.measuring import CALLERS, once_each
from holdfast import Change, Counter, Keyring, RedisSessionStore, Session, SessionStore
from holdfast.benchmarking.serving import free_port, serving, url_of

FEW: Final = 1_000
WEIGHED: Final = 20_000
RATED: Final = 10_000
ITEM: Final = "x" * 148
LISTPACK: Final = "512"


class Typical(Session):
    topic: str = ""
    thread_id: str = ""
    request_id: str = ""
    message_count: Counter = 0


Store = SessionStore[Typical]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_sessions", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    raise SystemExit(asyncio.run(run(parser.parse_args().sessions)))


async def run(sessions: int) -> int:
    """Measure on a server of its own; 1 when something scanned."""
    port = free_port()
    url = url_of(port)
    async with serving("redis-server", port), Redis.from_url(url) as client:
        for limit in ("64", LISTPACK):
            await client.config_set("hash-max-listpack-value", limit)
            active, idle = await _weigh(client, url)
            print(f"a session with hash-max-listpack-value {limit}: {idle:.0f} bytes", end=", ")
            print(f"{active:.0f} with what it remembers of its changes")
            await client.flushall()
        await client.config_set("hash-max-listpack-value", "64")
        async with _opened(url) as store:
            await _grow(store, sessions)
        seen = await client.info("commandstats")
    scanning = sorted(name for name in seen if name in {"cmdstat_scan", "cmdstat_keys"})
    print("commands that look at all keys:", ", ".join(scanning) or "none")
    return 1 if scanning else 0


def _opened(url: str) -> RedisSessionStore[Typical]:
    return RedisSessionStore(url, keys=Keyring.generate(), model=Typical, ttl=86_400)


async def _weigh(client: "Redis", url: str) -> tuple[float, float]:
    """Give the bytes of a session in use, and of one that has forgotten its changes."""
    async with _opened(url) as store:
        before = await _used(client)
        ids: list[str] = []

        async def converse(number: int) -> None:
            ids.append(await _converse(store, number))

        await once_each(converse, calls=WEIGHED, callers=CALLERS)
        active = await _used(client)
        for session_id in ids:
            await client.delete(f"hf:{{0}}:o:default/{session_id}")
        return (active - before) / WEIGHED, (await _used(client) - before) / WEIGHED


async def _used(client: "Redis") -> int:
    memory: dict[str, Any] = await client.info("memory")
    return int(memory["used_memory"])


async def _create(store: Store, number: int) -> str:
    session = await store.create(
        topic="refund of a parcel", thread_id=f"thread-{number:08d}", request_id=f"{number:032x}"
    )
    return session.session_id


async def _converse(store: Store, number: int) -> str:
    """Create a session and have two turns of a conversation in it."""
    session_id = await _create(store, number)
    for _ in range(2):
        await store.apply(session_id, Change(add={"message_count": 2}, append=[ITEM, ITEM]))
    return session_id


async def _grow(store: Store, sessions: int) -> None:
    await _rate(store, FEW)
    count, page = await _times(store)
    early = await _rate(store, RATED)
    await _rate(store, max(sessions - FEW - 2 * RATED, 0))
    late = await _rate(store, RATED)
    counted = await store.count_active()
    print(f"{counted:,} sessions; creations a second at first {early:,.0f}, at the end {late:,.0f}")
    print(f"creations: {late / early:.2f}x (at least 0.9x)")
    count_then, page_then = await _times(store)
    print(f"count: {count_then / count:.2f}x the time at {FEW:,} (at most 2x), {count_then:.0f} us")
    print(f"first page: {page_then / page:.2f}x (at most 2x), {page_then:.0f} us")


async def _rate(store: Store, sessions: int) -> float:
    work = await once_each(lambda number: _create(store, number), calls=sessions, callers=CALLERS)
    return work.rate


async def _times(store: Store) -> tuple[float, float]:
    """Give the time of a count and of a first page, in microseconds."""
    return await _time(store.count_active), await _time(lambda: store.list_active(limit=20))


async def _time(call: Callable[[], Awaitable[object]]) -> float:
    taken: list[float] = []
    for _ in range(200):
        began = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1e6


if __name__ == "__main__":
    main()
