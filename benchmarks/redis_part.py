"""Redis, sealed, against `redis.asyncio` through its pool on the same server.

The server is started for the run and keeps nothing on disk. What is sealed here is bare there: a
`SET` and a `GET` of 512 bytes.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from redis.asyncio import Redis

from benchmarks.comparison import Comparison, Target
from benchmarks.measuring import CALLERS, Rates, Scale, Turn, for_a_while, interleave
from benchmarks.reading import MIX, reads, rereads
from benchmarks.visit import Visit, change, fill, names, shuffled
from holdfast import Keyring, RedisSessionStore
from holdfast.benchmarking.serving import free_port, serving, url_of

PART = "redis"
VALUE = b"x" * 512
SERVER = "redis-server"


async def compare(scale: Scale) -> list[Comparison]:
    """Run this part on a server of its own."""
    port = free_port()
    async with serving(SERVER, port):
        rates = await _measure(url_of(port), scale)
    return [*_writes(rates), *_reads(rates)]


async def _measure(url: str, scale: Scale) -> Rates:
    ids = shuffled(names(scale.sessions))
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Redis.from_url(url, max_connections=2 * CALLERS))
        await _set_all(client, ids)
        # Each on sessions of its own: else every change would recall what the other keeps near.
        store, near = [
            await stack.enter_async_context(
                RedisSessionStore(f"{url}/{database}", keys=KEYS, model=Visit)
            )
            for database in ("1", f"2?near_cache={2 * len(ids)}")
        ]
        for each in (store, near):
            await fill(each, ids)

        def keep(call: Callable[[str, int], Awaitable[object]], callers: int = CALLERS) -> Turn:
            return lambda: for_a_while(
                lambda number: call(ids[number % len(ids)], number),
                seconds=scale.seconds,
                callers=callers,
            )

        return await interleave(
            {
                "set": keep(lambda name, _: client.set(name, VALUE)),
                "apply": keep(lambda name, number: store.apply(name, change(number))),
                "get": keep(lambda name, _: client.get(name)),
                "get, unchanged": rereads(store, ids, scale),
                "get, mixed": reads(store, ids, scale, every=MIX),
                "get, changed": reads(store, ids, scale, every=1),
                "get, near": rereads(near, ids, scale),
                "set, alone": keep(lambda name, _: client.set(name, VALUE), 1),
                "apply, alone": keep(lambda name, number: store.apply(name, change(number)), 1),
                "get, alone": keep(lambda name, _: client.get(name), 1),
                "read, alone": rereads(store, ids, scale, callers=1),
            },
            rounds=scale.rounds,
        )


KEYS = Keyring.generate()


async def _set_all(client: Redis, ids: list[str]) -> None:
    for name in ids:
        await client.set(name, VALUE)


def _writes(rates: Rates) -> list[Comparison]:
    peer = "SET, redis.asyncio"
    return [
        Comparison(PART, "apply", peer, rates["apply"], rates["set"], Target(2.2)),
        Comparison(
            PART, "apply, 1 caller", peer, rates["apply, alone"], rates["set, alone"], Target(0.8)
        ),
    ]


def _reads(rates: Rates) -> list[Comparison]:
    peer, bare = "GET, redis.asyncio", rates["get"]
    return [
        Comparison(PART, "get, unchanged", peer, rates["get, unchanged"], bare, Target(2.5)),
        Comparison(PART, "get, 1 in 4 changed", peer, rates["get, mixed"], bare, Target(1.8)),
        Comparison(PART, "get, all changed", peer, rates["get, changed"], bare),
        Comparison(PART, "get, near cache", peer, rates["get, near"], bare, Target(60)),
        Comparison(PART, "get, 1 caller", peer, rates["read, alone"], rates["get, alone"]),
    ]
