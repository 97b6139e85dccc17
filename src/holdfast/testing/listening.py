"""Listening: whoever waits for a session is woken when it moves, and misses nothing."""

import asyncio
from typing import Final

from holdfast.backend import (
    Acquire,
    Backend,
    Delete,
    Drop,
    Granted,
    Held,
    Operation,
    Release,
    Released,
)
from holdfast.testing.steps import HOUR, KEY, apply, ask, change, create, expect

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


async def wait_in_line(backend: Backend, token: str) -> Granted:
    """Ask for the lease until it is granted, as those do who line up."""
    with backend.line_up(KEY, token) as bell:
        while True:
            outcome = await backend.execute(Acquire(KEY, token, HOUR, waits=True))
            if isinstance(outcome, Granted):
                return outcome
            assert isinstance(outcome, Held)
            assert outcome.remaining > 0
            await bell.rung((outcome.beat or outcome.remaining) / 1_000_000)


class Lining:
    """Whoever waits for a lease may stand in line for it."""

    async def test_a_release_rings_for_who_is_in_line(self, backend: Backend) -> None:
        """And the lease is theirs when they ask again."""
        await create(backend)
        await ask(backend, Acquire(KEY, "first", HOUR), Granted)
        with backend.line_up(KEY, "second") as bell:
            held = await ask(backend, Acquire(KEY, "second", HOUR, waits=True), Held)
            assert 0 < held.remaining <= HOUR
            await expect(backend, Release(KEY, "first"), Released(True))
            assert await bell.rung(SOON)
            await ask(backend, Acquire(KEY, "second", HOUR, waits=True), Granted)

    async def test_everybody_in_line_gets_a_turn(self, backend: Backend) -> None:
        """One at a time, each with a greater fence, and nobody waits for the end of a lease."""
        await create(backend)
        fences: list[int] = []

        async def turn(number: int) -> None:
            grant = await wait_in_line(backend, f"t{number}")
            fences.append(grant.fence)
            await expect(backend, Release(KEY, f"t{number}"), Released(True))

        await asyncio.wait_for(asyncio.gather(*map(turn, range(20))), 4 * SOON)
        assert fences == sorted(set(fences))
        assert len(fences) == 20

    async def test_whoever_leaves_the_line_is_not_waited_for(self, backend: Backend) -> None:
        """A release of who has no lease takes them out of it, and nothing from the holder."""
        await create(backend)
        await ask(backend, Acquire(KEY, "holder", HOUR), Granted)
        for token in ("impatient", "patient"):
            await ask(backend, Acquire(KEY, token, HOUR, waits=True), Held)
        await expect(backend, Release(KEY, "impatient"), Released(False))
        await expect(backend, Release(KEY, "holder"), Released(True))
        await ask(backend, Acquire(KEY, "patient", HOUR, waits=True), Granted)

    async def test_a_thief_passes_the_line(self, backend: Backend) -> None:
        """And those who stand in it are served after the thief."""
        await create(backend)
        await ask(backend, Acquire(KEY, "holder", HOUR), Granted)
        await ask(backend, Acquire(KEY, "patient", HOUR, waits=True), Held)
        await ask(backend, Acquire(KEY, "thief", HOUR, steal=True), Granted)
        await ask(backend, Acquire(KEY, "patient", HOUR, waits=True), Held)
        await expect(backend, Release(KEY, "thief"), Released(True))
        await ask(backend, Acquire(KEY, "patient", HOUR, waits=True), Granted)
