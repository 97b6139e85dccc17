"""Listening: whoever waits for a session is woken when it moves, and misses nothing."""

import asyncio
from typing import Final

from holdfast.backend import Acquire, Backend, Delete, Drop, Operation, Release
from holdfast.testing.steps import HOUR, KEY, apply, change, create

SOON: Final = 5.0


class Listening:
    """A ring is a wake-up; what has happened is read from the session."""

    async def test_what_moves_a_session_rings(self, backend: Backend) -> None:
        """A change, a removed item, a theft, a release, and the end."""
        await create(backend)
        steps: list[Operation] = [
            change(append=(b"item",)),
            Drop(KEY),
            Drop(KEY, everything=True),
            Acquire(KEY, "thief", HOUR, steal=True),
            Release(KEY, "thief"),
            Delete(KEY),
        ]
        for step in steps:
            with backend.listen(KEY) as bell:
                await backend.execute(step)
                assert await bell.rung(SOON), step

    async def test_a_ring_that_came_before_the_waiting_is_kept(self, backend: Backend) -> None:
        """What happens between two waits wakes the second one, once."""
        await create(backend)
        with backend.listen(KEY) as bell:
            for _ in range(3):
                await apply(backend)
            assert await bell.rung(SOON)
            await apply(backend)
            assert await bell.rung(SOON)

    async def test_a_waiting_listener_is_woken(self, backend: Backend) -> None:
        """By a change that somebody else makes meanwhile."""
        await create(backend)
        with backend.listen(KEY) as bell:
            waiting = asyncio.create_task(bell.rung(SOON))
            await asyncio.sleep(0)
            await apply(backend)
            assert await waiting

    async def test_every_listener_is_woken(self, backend: Backend) -> None:
        """One who stops listening takes nothing from the others."""
        await create(backend)
        with backend.listen(KEY) as first, backend.listen(KEY) as second:
            with backend.listen(KEY):
                await apply(backend)
            assert all(await asyncio.gather(first.rung(SOON), second.rung(SOON)))

    async def test_a_session_can_be_listened_to_before_it_exists(self, backend: Backend) -> None:
        """And its first change rings."""
        with backend.listen(KEY) as bell:
            await create(backend)
            await apply(backend)
            assert await bell.rung(SOON)
