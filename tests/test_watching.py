"""A watcher whose clock goes before the store's does not ask the store all the time."""

import asyncio

import pytest

from holdfast.clock import MICROSECONDS, SYSTEM_CLOCK, Clock
from holdfast.session import Session
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.store_steps import KEYS
from tests.faulty import faulty_memory

AHEAD = Clock(wall=lambda: SYSTEM_CLOCK.wall() + 300 * MICROSECONDS, boot=SYSTEM_CLOCK.boot)


@pytest.mark.slow
async def test_a_session_that_should_have_ended_is_looked_at_less_and_less() -> None:
    """What happens to it is told at once, and its end within a second."""
    faulty = faulty_memory()
    terms = Terms(ttl=3, max_age=3)
    store = SessionStore(faulty, model=Session, keys=KEYS, terms=terms, clock=AHEAD)
    async with store:
        await store.create("a")
        seen: list[int] = []

        async def watch() -> None:
            seen.extend([revision async for revision in store.watch("a")])

        watching = asyncio.create_task(watch())
        await asyncio.sleep(2)
        assert faulty.sent["read"] <= 10
        async with asyncio.timeout(3):
            await watching
        assert seen == [1]
