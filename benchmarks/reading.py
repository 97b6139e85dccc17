"""Reads of sessions of which some were changed since they were last read.

A snapshot that is still good is given again; one that is not has to be opened. The realistic mix
is one read in four that finds a changed session: a turn of a conversation changes its session
once, and reads it for access, for the answer, and for the page that shows it.
"""

import time
from collections.abc import Sequence

from benchmarks.measuring import (
    CALLERS,
    Clock,
    Scale,
    Turn,
    Work,
    for_a_while,
    once_each,
    repeatedly,
)
from benchmarks.visit import topic
from holdfast import SessionStore
from holdfast.sessions import M

MIX = 4


def rereads(
    store: SessionStore[M],
    ids: Sequence[str],
    scale: Scale,
    *,
    callers: int = CALLERS,
    clock: Clock = time.perf_counter,
) -> Turn:
    """Read all sessions again and again, untimed the first time, while nobody changes them."""

    async def read(number: int) -> None:
        await store.get(ids[number % len(ids)])

    async def turn() -> Work:
        await once_each(read, calls=len(ids), callers=callers)
        return await for_a_while(read, seconds=scale.seconds, callers=callers, clock=clock)

    return turn


def reads(
    store: SessionStore[M],
    ids: Sequence[str],
    scale: Scale,
    *,
    every: int,
    callers: int = CALLERS,
    clock: Clock = time.perf_counter,
) -> Turn:
    """Read all sessions again and again; before each time, untimed, every n-th is changed."""

    async def read(number: int) -> None:
        await store.get(ids[number])

    async def write(number: int) -> None:
        await store.update(ids[number * every], topic=topic(number))

    async def pass_through() -> Work:
        await once_each(write, calls=len(ids) // every, callers=callers)
        return await once_each(read, calls=len(ids), callers=callers, clock=clock)

    return lambda: repeatedly(pass_through, seconds=scale.seconds)
