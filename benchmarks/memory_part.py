"""Memory: the store against the old design, and creation at a full cap against a small one.

Nothing in memory waits, so one caller measures what any number of them would share.
"""

from contextlib import AsyncExitStack
from functools import partial

from benchmarks.comparison import Comparison, Target
from benchmarks.measuring import Call, Scale, Turn, for_a_while, interleave
from benchmarks.old_design import OldSession, OldStore
from benchmarks.reading import MIX, reads
from benchmarks.visit import METADATA, Visit, fill, names, topic
from holdfast import InMemorySessionStore

PART = "memory"


async def compare(scale: Scale) -> list[Comparison]:
    """Run this part."""
    return [*await _against_the_old_design(scale), await _by_cap(scale)]


async def _against_the_old_design(scale: Scale) -> list[Comparison]:
    ids = names(scale.sessions)
    old = await _old_store(ids)
    async with InMemorySessionStore(max_sessions=len(ids), model=Visit) as store:
        await fill(store, ids, METADATA)
        rates = await interleave(
            {
                "old get": _turn(lambda n: old.get(ids[n % len(ids)]), scale),
                "get": _turn(lambda n: store.get(ids[n % len(ids)]), scale),
                "mixed": reads(store, ids, scale, every=MIX, callers=1),
                "changed": reads(store, ids, scale, every=1, callers=1),
                "old update": _turn(lambda n: old.update(ids[n % len(ids)], topic=topic(n)), scale),
                "update": _turn(lambda n: store.update(ids[n % len(ids)], topic=topic(n)), scale),
            },
            rounds=scale.rounds,
        )
    peer = rates["old get"]
    return [
        Comparison(PART, "get", "old design", rates["get"], peer, Target(8)),
        Comparison(PART, "get, 1 in 4 changed", "old design", rates["mixed"], peer),
        Comparison(PART, "get, all changed", "old design", rates["changed"], peer),
        Comparison(PART, "update", "old design", rates["update"], rates["old update"], Target(3)),
    ]


async def _by_cap(scale: Scale) -> Comparison:
    """Compare the time that a creation takes where each one evicts another session."""
    async with AsyncExitStack() as stack:
        turns: list[Turn] = []
        for cap in scale.caps:
            store = await stack.enter_async_context(
                InMemorySessionStore(max_sessions=cap, model=Visit)
            )
            await fill(store, names(cap))
            turns.append(_turn(partial(_create, store), scale))
        rates = await interleave({"small": turns[0], "large": turns[1]}, rounds=scale.rounds)
    small, large = scale.caps
    work = f"time of a create, full at {large:,}"
    return Comparison(
        PART, work, f"full at {small:,}", rates["small"], rates["large"], Target(1.3, at_most=True)
    )


async def _create(store: InMemorySessionStore[Visit], number: int) -> None:
    await store.create(user_id=f"user-{number}", topic=topic(number))


async def _old_store(ids: list[str]) -> OldStore:
    store = OldStore(max_sessions=len(ids))
    for number, session_id in enumerate(ids):
        session = OldSession(
            session_id=session_id, user_id=f"user-{number}", topic=topic(number), metadata=METADATA
        )
        await store.create(session)
    return store


def _turn(call: Call, scale: Scale) -> Turn:
    return lambda: for_a_while(call, seconds=scale.seconds, callers=1)
