"""Bells wake those who wait, keep a ring for those who do not yet, and leave nothing behind."""

import asyncio

from holdfast.bells import Bell, Bells


async def test_a_ring_before_the_waiting_is_kept_once() -> None:
    """Many rings between two waits are one; then it is quiet again."""
    bell = Bell()
    bell.ring()
    bell.ring()
    assert await bell.rung(1)
    assert not await bell.rung(0.001)


async def test_waiting_ends_with_its_time() -> None:
    """Without a ring the answer is no, also at once."""
    assert not await Bell().rung(0)
    assert not await Bell().rung(0.001)


async def test_a_ring_is_for_its_key() -> None:
    """Whoever listens to another key sleeps on."""
    bells = Bells()
    with bells.listen("a") as first, bells.listen("a") as second, bells.listen("b") as other:
        bells.ring("a")
        assert await first.rung(1)
        assert await second.rung(1)
        assert not await other.rung(0)
        bells.ring_all()
        assert all(await asyncio.gather(first.rung(1), second.rung(1), other.rung(1)))


async def test_a_waiting_listener_is_woken() -> None:
    """Without a limit of time, by the ring alone."""
    bells = Bells()
    with bells.listen("a") as bell:
        waiting = asyncio.create_task(bell.rung())
        await asyncio.sleep(0)
        bells.ring("a")
        assert await waiting


async def test_a_cancelled_wait_keeps_the_next_ring() -> None:
    """Giving up waiting once does not deafen."""
    bells = Bells()
    with bells.listen("a") as bell:
        waiting = asyncio.create_task(bell.rung())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        bells.ring("a")
        assert await bell.rung(1)


def test_nothing_is_kept_for_keys_without_listeners() -> None:
    """Rings and listeners that are over leave no trace; one of two who leaves takes only itself."""
    bells = Bells()
    for number in range(1000):
        bells.ring(f"{number}")
    assert len(bells) == 0
    with bells.listen("a"):
        with bells.listen("a"), bells.listen("b"):
            assert len(bells) == 2
        assert len(bells) == 1
    assert len(bells) == 0
