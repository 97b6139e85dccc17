"""The shuffling loop finds what depends on order, tells the seed, and keeps time by its clock."""

import asyncio

import pytest

from holdfast.testing import ManualClock
from holdfast.testing.shuffling import Stuck, run_shuffled, shuffled


def order_of_five(seed: int) -> list[int]:
    """Let five tasks take three steps each, and say who came when."""
    order: list[int] = []

    async def step(name: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            order.append(name)

    async def scenario(clock: ManualClock) -> None:
        await asyncio.gather(*(step(name) for name in range(5)))

    run_shuffled(scenario, seed=seed)
    return order


def test_each_seed_has_an_order_of_its_own() -> None:
    """The same seed gives the same order, two hundred seeds give nearly as many."""
    orders = [tuple(order_of_five(seed)) for seed in range(200)]
    assert orders == [tuple(order_of_five(seed)) for seed in range(200)]
    assert len(set(orders)) > 190


def test_an_unguarded_update_is_found_and_its_seed_named() -> None:
    """A read, a step and a write lose updates under some schedule; the note says which."""

    async def scenario(clock: ManualClock) -> None:
        total = 0

        async def add() -> None:
            nonlocal total
            await asyncio.sleep(0)
            held = total
            await asyncio.sleep(0)
            total = held + 1

        tasks = [asyncio.create_task(add()) for _ in range(2)]
        await asyncio.wait(tasks)
        assert total == 2

    with pytest.raises(AssertionError) as failure:
        shuffled(scenario)
    assert "seed=" in failure.value.__notes__[0]


def test_hours_pass_in_an_instant() -> None:
    """Timers fire in their order, and the clock has moved by what was waited for."""
    fired: list[int] = []

    async def sleep(hours: int) -> None:
        await asyncio.sleep(3600 * hours)
        fired.append(hours)

    async def scenario(clock: ManualClock) -> None:
        began = clock.clock.boot()
        await asyncio.gather(*(sleep(hours) for hours in (3, 1, 2)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        assert 4 * 3_600_000_000 <= clock.clock.boot() - began < 4 * 3_600_000_000 + 10

    run_shuffled(scenario, seed=1)
    assert fired == [1, 2, 3]


def test_a_wait_that_nothing_ends_is_found() -> None:
    """A lost wake-up fails at once, instead of hanging."""

    async def scenario(clock: ManualClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run_shuffled(scenario, seed=1)
