"""Clean histories, made once for all tests that put faults into them."""

import asyncio
from collections.abc import Iterator

import pytest

from holdfast.testing.histories import History
from tests.testing.histories.simulation import Plan, simulate


class CleanHistories:
    """Makes histories of a store that keeps its promises, each once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, float], History] = {}

    def get(self, seed: int, *, unanswered: float = 0.08) -> History:
        """Give the history of a seed."""
        key = seed, unanswered
        if key not in self._made:
            plan = Plan(seed=seed, operations=120, unanswered=unanswered)
            self._made[key] = asyncio.run(simulate(plan))
        return self._made[key]

    def seeds(self, *, unanswered: float) -> Iterator[tuple[int, History]]:
        """Give one history after another."""
        for seed in range(200):
            yield seed, self.get(seed, unanswered=unanswered)


@pytest.fixture(scope="session")
def clean() -> CleanHistories:
    return CleanHistories()
