"""Rate limits: never more than the burst at once, never more than the rate over time."""

import asyncio

from holdfast.backend import Allowance, Backend, Take
from holdfast.testing.steps import HOUR, Advance, ask


async def take(backend: Backend, take: Take) -> Allowance:
    """Take from a limit."""
    return await ask(backend, take, Allowance)


class Limiting:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def test_a_burst_passes_and_no_more(self, backend: Backend) -> None:
        """What is left counts down to nothing; then the answer says when to come again."""
        one = Take("limit", HOUR, 3)
        answers = [await take(backend, one) for _ in range(5)]
        assert [answer.allowed for answer in answers] == [True] * 3 + [False] * 2
        assert [answer.remaining for answer in answers] == [2, 1, 0, 0, 0]
        assert [answer.retry_after > 0 for answer in answers] == [False] * 3 + [True] * 2
        assert all(0 < answer.retry_after <= HOUR for answer in answers[3:])
        assert 2 * HOUR < answers[-1].reset_after <= 3 * HOUR

    async def test_exactly_the_burst_of_a_hundred_at_once_passes(self, backend: Backend) -> None:
        """Racing for one limit, round after round, nobody gets in beside it."""
        for number in range(5):
            one = Take(f"limit/{number}", HOUR, 5)
            answers = await asyncio.gather(*(take(backend, one) for _ in range(100)))
            assert sum(answer.allowed for answer in answers) == 5

    async def test_what_was_taken_flows_back(self, backend: Backend, advance: Advance) -> None:
        """One unit an interval; after `reset_after` the whole burst is there again."""
        one = Take("limit", 10 * self.second, 2)
        first = await take(backend, one)
        await take(backend, one)
        await advance(8)
        assert (await take(backend, one)).allowed is False
        await advance(3)
        assert (await take(backend, one)).allowed is True
        assert (await take(backend, one)).allowed is False
        assert first.reset_after == 10 * self.second
        await advance(21)
        assert [(await take(backend, one)).allowed for _ in range(3)] == [True, True, False]

    async def test_a_cost_is_taken_whole_or_not_at_all(self, backend: Backend) -> None:
        """What does not fit takes nothing; what is greater than the burst never fits."""
        assert (await take(backend, Take("limit", HOUR, 5, 6))).allowed is False
        assert (await take(backend, Take("limit", HOUR, 5, 3))).remaining == 2
        assert (await take(backend, Take("limit", HOUR, 5, 3))).allowed is False
        last = await take(backend, Take("limit", HOUR, 5, 2))
        assert (last.allowed, last.remaining) == (True, 0)

    async def test_what_is_given_back_is_there_again(self, backend: Backend) -> None:
        """Once, and never more than the burst."""
        one, back = Take("limit", HOUR, 3), Take("limit", HOUR, 3, -1)
        for _ in range(3):
            await take(backend, one)
        given = await take(backend, back)
        assert (given.allowed, given.remaining) == (True, 1)
        assert [(await take(backend, one)).allowed for _ in range(2)] == [True, False]
        for _ in range(5):
            await take(backend, Take("limit", HOUR, 3, -3))
        assert [(await take(backend, one)).remaining for _ in range(3)] == [2, 1, 0]

    async def test_limits_are_apart(self, backend: Backend) -> None:
        """Each key has its own."""
        for key in ("a", "A", "a/b", "b", "a'"):
            assert (await take(backend, Take(key, HOUR, 1))).allowed is True
            assert (await take(backend, Take(key, HOUR, 1))).allowed is False
