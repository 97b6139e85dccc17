"""One timer for many calls: each ends in time, and what is kept of them is bounded."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from holdfast.deadlines import Deadlines


@contextmanager
def kept(deadlines: Deadlines) -> Generator[None]:
    """Raise `TimeoutError` out of a block that lasts too long."""
    task = deadlines.begin()
    try:
        yield
    except asyncio.CancelledError as exc:
        if deadlines.was_over(task):
            raise TimeoutError from exc
        raise
    finally:
        deadlines.end(task)


async def test_a_call_that_lasts_too_long_is_stopped() -> None:
    """With `TimeoutError`; its task goes on."""
    deadlines = Deadlines(0.05)
    began = time.monotonic()
    with pytest.raises(TimeoutError), kept(deadlines):
        await asyncio.sleep(60)
    assert 0.05 <= time.monotonic() - began < 1
    await asyncio.sleep(0)


async def test_calls_that_are_over_do_not_pile_up_behind_a_slow_one() -> None:
    """However many were made while the oldest is under way."""
    deadlines = Deadlines(60)

    async def call(seconds: float) -> None:
        with kept(deadlines):
            await asyncio.sleep(seconds)

    slow = asyncio.create_task(call(60))
    await asyncio.sleep(0)
    for _ in range(5000):
        await call(0)
    assert len(deadlines) < 100
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    assert len(deadlines) == 0
    deadlines.close()


async def test_deadlines_are_kept_when_calls_that_are_over_were_cleared_away() -> None:
    """Calls under way stay in their order, each with its own end."""
    deadlines = Deadlines(0.2)
    loop = asyncio.get_running_loop()

    async def call(seconds: float) -> float:
        began = loop.time()
        try:
            with kept(deadlines):
                await asyncio.sleep(seconds)
        except TimeoutError:
            pass
        return loop.time() - began

    slow: list[asyncio.Task[float]] = []
    for _ in range(5):
        slow.append(asyncio.create_task(call(60)))
        await asyncio.gather(*(call(0) for _ in range(300)))
        await asyncio.sleep(0.01)
    took = await asyncio.gather(*slow)
    assert all(0.19 < seconds < 0.4 for seconds in took)
    assert len(deadlines) == 0


async def test_a_call_has_its_whole_time_after_the_program_was_busy() -> None:
    """Time in which nobody asked anything is not taken from the next call."""
    deadlines = Deadlines(0.3)
    with kept(deadlines):
        await asyncio.sleep(0)
    time.sleep(0.4)
    with kept(deadlines):
        await asyncio.sleep(0.01)
    deadlines.close()
