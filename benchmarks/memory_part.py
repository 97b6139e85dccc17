"""Memory: the store against the old design, and creation at a full cap against a small one.

Nothing in memory waits, so one caller measures what any number of them would share, and the
processor's time is the time: the rates are operations a second of it.
"""

from contextlib import AsyncExitStack
from functools import partial
from time import thread_time
from typing import Any

from benchmarks.comparison import Comparison, Target
from benchmarks.measuring import Call, Scale, Turn, for_a_while, interleave
from benchmarks.old_design import OldFingerprint, OldSession, OldStore
from benchmarks.reading import MIX, reads, rereads
from benchmarks.visit import Visit, fill, names, topic
from holdfast import InMemorySessionStore, SupportSession

PART = "memory"
METADATA: dict[str, Any] = {
    "channel": "web",
    "language": "en",
    "tags": ["returning", "newsletter"],
    "basket": {"items": 3, "total": 129.5},
}


async def compare(scale: Scale) -> list[Comparison]:
    """Run this part."""
    return [*await _against_the_old_design(scale), await _by_cap(scale)]


async def _against_the_old_design(scale: Scale) -> list[Comparison]:
    """Compare on the support agent's session: eight fields, a fingerprint, five metadata keys."""
    ids = names(scale.sessions)
    old = OldStore(max_sessions=len(ids))
    async with InMemorySessionStore(max_sessions=len(ids), model=SupportSession) as store:
        await _fill_both(store, old, ids)
        rates = await interleave(
            {
                "old get": _turn(lambda n: old.get(ids[n % len(ids)]), scale),
                "get": rereads(store, ids, scale, callers=1, clock=thread_time),
                "mixed": reads(store, ids, scale, every=MIX, callers=1, clock=thread_time),
                "changed": reads(store, ids, scale, every=1, callers=1, clock=thread_time),
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


async def _fill_both(
    store: InMemorySessionStore[SupportSession], old: OldStore, ids: list[str]
) -> None:
    """Create the same sessions in both."""
    for number, session_id in enumerate(ids):
        state: dict[str, Any] = {
            "thread_id": f"thread-{number}",
            "request_id": f"request-{number}",
            "message_count": 4,
            "metadata": {**METADATA, "topic": topic(number)},
        }
        user_id = f"user-{number}"
        fingerprint = {"network": topic(number)[:32], "browser": topic(number)[-32:]}
        await store.create(session_id, user_id=user_id, **state, fingerprint=fingerprint)
        await old.create(
            OldSession(
                session_id=session_id,
                user_id=user_id,
                fingerprint=OldFingerprint(**fingerprint),
                **state,
            )
        )


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


def _turn(call: Call, scale: Scale) -> Turn:
    return lambda: for_a_while(call, seconds=scale.seconds, callers=1, clock=thread_time)
