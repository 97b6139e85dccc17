"""A lane keeps one thing in one thread, and lets go of it whatever happens."""

import asyncio
import threading
import time

import pytest

from holdfast.backends.sqlite.lane import Lane
from holdfast.errors import StoreUnavailable


class Tenant:
    """Notes the threads that it is built, called and closed in."""

    def __init__(self, threads: list[str]) -> None:
        self.threads = threads
        self.note()

    def note(self) -> None:
        self.threads.append(threading.current_thread().name)

    def fail(self) -> None:
        raise KeyError("no such thing")

    def stop(self) -> None:
        raise StopIteration

    def linger(self) -> None:
        time.sleep(0.05)
        self.note()

    def close(self) -> None:
        self.note()


def _alive(name: str) -> bool:
    return name in {thread.name for thread in threading.enumerate()}


async def test_building_calling_and_closing_happen_in_one_thread() -> None:
    """And the thread ends with the block."""
    threads: list[str] = []
    async with Lane("lane", lambda: Tenant(threads)) as lane:
        await lane.call(Tenant.note)
        assert _alive("lane")
    assert threads == ["lane"] * 3
    assert not _alive("lane")


async def test_a_caller_sees_the_error_of_its_call(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected one is logged as well, and the next call is answered."""
    threads: list[str] = []
    async with Lane("lane", lambda: Tenant(threads)) as lane:
        with pytest.raises(KeyError, match="no such thing"):
            await lane.call(Tenant.fail)
        await lane.call(Tenant.note)
    assert [record.message for record in caplog.records] == ["sqlite.call_failed"]


async def test_a_call_that_ends_an_iteration_is_answered() -> None:
    """A future takes no `StopIteration`: the caller sees another error, and where it came from."""
    async with asyncio.timeout(5), Lane("lane", lambda: Tenant([])) as lane:
        with pytest.raises(RuntimeError) as caught:
            await lane.call(Tenant.stop)
        assert isinstance(caught.value.__cause__, StopIteration)
        await lane.call(Tenant.note)


async def test_a_lane_that_cannot_be_built_leaves_no_thread() -> None:
    """Whoever enters sees why."""

    def build() -> Tenant:
        raise StoreUnavailable("No room")

    with pytest.raises(StoreUnavailable, match="No room"):
        async with Lane("lane", build):
            pass
    assert not _alive("lane")


async def test_outside_of_the_block_a_call_is_refused() -> None:
    """Before and after."""
    lane = Lane("lane", lambda: Tenant([]))
    with pytest.raises(StoreUnavailable, match="not open"):
        await lane.call(Tenant.note)
    async with lane:
        await lane.call(Tenant.note)
    with pytest.raises(StoreUnavailable, match="not open"):
        await lane.call(Tenant.note)


async def test_a_call_that_was_begun_is_finished_without_its_caller() -> None:
    """Cancelled while it waits, the caller misses the answer; nothing else does."""
    threads: list[str] = []
    async with Lane("lane", lambda: Tenant(threads)) as lane:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lane.call(Tenant.linger), timeout=0.01)
        await lane.call(Tenant.note)
        assert len(threads) == 3


async def test_entering_can_be_cancelled() -> None:
    """What was built by then is closed again, in its thread."""
    threads: list[str] = []

    def build() -> Tenant:
        time.sleep(0.05)
        return Tenant(threads)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), Lane("lane", build):
            pass
    assert threads == ["lane"] * 2
    assert not _alive("lane")


async def test_others_go_on_while_a_cancelled_opening_ends() -> None:
    """What is being built cannot be stopped; it is waited for in the loop, not by the loop."""
    going_on = threading.Event()
    waited: list[bool] = []

    def build() -> Tenant:
        waited.append(going_on.wait(timeout=2))
        return Tenant([])

    opening = asyncio.create_task(Lane("lane", build).__aenter__())
    await asyncio.sleep(0.02)
    opening.cancel()
    await asyncio.sleep(0.02)
    going_on.set()
    await asyncio.wait([opening])
    assert opening.cancelled()
    assert waited == [True]
    assert not _alive("lane")
