"""One task at a time for a key, first come, first served, and nothing kept afterwards."""

import asyncio

import pytest

from holdfast.testing import ManualClock
from holdfast.testing.shuffling import shuffled
from holdfast.turns import Turns


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_turns_are_taken_one_at_a_time_in_order(first: int) -> None:
    """However the loop orders what is ready, and whoever leaves the queue."""

    async def scenario(clock: ManualClock) -> None:
        turns = Turns()
        inside: dict[str, int] = {"a": 0, "b": 0}
        order: dict[str, list[int]] = {"a": [], "b": []}

        async def take(key: str, number: int) -> None:
            async with turns.of(key):
                inside[key] += 1
                assert inside[key] == 1
                order[key].append(number)
                await asyncio.sleep(0.01)
                inside[key] -= 1

        tasks: list[asyncio.Task[None]] = []
        for number in range(20):
            tasks.append(asyncio.create_task(take("ab"[number % 2], number)))
            await asyncio.sleep(0.001)
        for number in (6, 7, 12):
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stayed = [number for number in range(20) if not tasks[number].cancelled()]
        assert order == {
            "a": [number for number in stayed if number % 2 == 0],
            "b": [number for number in stayed if number % 2 == 1],
        }
        assert len(stayed) >= 17
        assert (len(turns), turns._users) == (0, {})

    shuffled(scenario, seeds=range(first, first + 100))


async def test_an_error_ends_a_turn() -> None:
    """The next one comes, and nothing is kept."""
    turns = Turns()
    with pytest.raises(LookupError):
        async with turns.of("a"):
            raise LookupError
    async with asyncio.timeout(1), turns.of("a"):
        assert len(turns) == 1
    assert len(turns) == 0


async def test_one_who_is_cancelled_as_his_turn_comes_passes_it_on() -> None:
    """Nobody behind him waits for ever."""
    turns = Turns()

    async def take() -> None:
        async with turns.of("a"):
            await asyncio.sleep(0)

    for steps in range(6):
        async with turns.of("a"):
            waiting = [asyncio.create_task(take()) for _ in range(3)]
            await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting[0].cancel()
        async with asyncio.timeout(1):
            await asyncio.gather(*waiting, return_exceptions=True)
        assert not waiting[1].cancelled()
        assert len(turns) == 0
