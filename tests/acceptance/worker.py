"""What each of several processes does with one store."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from holdfast import Change, Keyring, SessionStore, SupportSession, open_store

Store = SessionStore[SupportSession]
PROCESSES = 4
GATE = "gate"


class Task(NamedTuple):
    """What a process is told: the store, the key, who it is."""

    url: str
    keys: Keyring
    number: int


class Report(NamedTuple):
    """What it saw."""

    process: int
    values: list[int]


def open_shared(url: str, keys: Keyring) -> Store:
    return open_store(url, model=SupportSession, keys=keys)


async def present(store: Store, session_id: str) -> SupportSession:
    session = await store.get(session_id)
    assert session is not None
    return session


async def meet(store: Store) -> None:
    """Wait, by watching, until all processes are here."""
    await store.append(GATE, os.getpid())
    async with asyncio.timeout(60):
        async for _ in store.watch(GATE):
            if len(await store.items(GATE)) == PROCESSES:
                return


def work(task: Task, job: Callable[[Store, int], Awaitable[list[int]]]) -> Report:
    """Do a job at the same time as the other processes."""

    async def run() -> Report:
        async with open_shared(task.url, task.keys) as store:
            await meet(store)
            return Report(os.getpid(), await job(store, task.number))

    return asyncio.run(run())


async def increment(store: Store, number: int) -> list[int]:
    """Add to one counter, ten at a time."""
    values: list[int] = []
    for _ in range(10):
        calls = (store.increment_counter("shared", "message_count") for _ in range(10))
        values += await asyncio.gather(*calls)
    return values


async def append(store: Store, number: int) -> list[int]:
    """Append to one log, and say which numbers one's items have."""
    calls = (store.append("shared", [number, place]) for place in range(50))
    return list(await asyncio.gather(*calls))


async def claim(store: Store, number: int) -> list[int]:
    """Claim the flags of twenty sessions, and say which were won."""
    won = await asyncio.gather(*(store.claim(f"flag-{place}", "escalated") for place in range(20)))
    return [place for place, is_mine in enumerate(won) if is_mine]


async def take_turns(store: Store, number: int) -> list[int]:
    """Read, think and write under a lease; say with which fences."""
    fences: list[int] = []
    for _ in range(5):
        async with store.lease("shared", wait=60) as lease:
            read = await present(store, "shared")
            await asyncio.sleep(0.003)
            await lease.apply(Change(set={"message_count": read.message_count + 1}))
            fences.append(lease.fence)
    return fences


async def answer(store: Store, number: int) -> list[int]:
    """Answer every even number in turn with the next odd one, woken by watching."""
    if number != 1:
        return []
    seen: list[int] = []
    async for _ in store.watch("shared"):
        count = (await present(store, "shared")).message_count
        if count % 2 == 0:
            seen.append(count)
            await store.update("shared", message_count=count + 1)
        if count >= 10:
            return seen
    return seen
