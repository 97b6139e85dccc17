"""Where parts of a backend fail alone, each has a breaker of its own."""

from collections import Counter as Tally
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from holdfast import StoreUnavailable
from holdfast.backend import List, Operation, Read
from holdfast.breakers import MOST_PARTS
from holdfast.observing import Observer
from holdfast.retrying import Resilient
from holdfast.testing.store_steps import ID
from tests.faulty import Fault, Faulty, faulty_memory


@asynccontextmanager
async def in_parts() -> AsyncIterator[tuple[Resilient, Faulty, list[tuple[str, str]]]]:
    """Give a backend whose parts are namespaces; `c` is dead, so a listing of all fails too."""
    told: list[tuple[str, str]] = []

    class Noting(Observer):
        def breaker_moved(self, *, store: str, state: str) -> None:
            told.append((store, state))

    def dead(operation: Operation) -> Fault:
        return "refuse" if isinstance(operation, List) or part_of(operation) == "c" else "none"

    def part_of(operation: Operation) -> str:
        return operation.key.partition("/")[0] if isinstance(operation, Read) else ""

    async with faulty_memory(plan=dead) as faulty:
        faulty.part_of = part_of
        yield Resilient(faulty, deadline=5, observers=[Noting()], jitter=lambda: 0.0), faulty, told


async def test_a_dead_part_does_not_take_the_others_down() -> None:
    """Nor is it hidden by them: it is left alone, and they are asked."""
    async with in_parts() as (backend, faulty, told):
        answers = Tally[str]()
        for _ in range(200):
            for part in "abc":
                try:
                    await backend.execute(Read(f"{part}/{ID}"))
                    answers[part] += 1
                except StoreUnavailable:
                    answers[f"not {part}"] += 1
        assert answers == {"a": 200, "b": 200, "not c": 200}
        assert faulty.sent["read"] <= 400 + 20
        statistics = backend.statistics()
        assert (statistics["breaker_opened"], statistics["breakers_refusing"]) == (1, 1)
        assert told == [("faulty/c", "open")]


async def test_what_takes_all_parts_has_a_breaker_of_its_own() -> None:
    """A listing that fails for one part closes no way to the others."""
    async with in_parts() as (backend, _, told):
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                await backend.execute(List("a", 10))
        assert backend.breaker.state == "open"
        await backend.execute(Read(f"a/{ID}"))
        assert told == [("faulty", "open")]


async def test_a_part_that_is_not_asked_any_more_is_forgotten() -> None:
    """Its breaker is not told as open for ever; how often it opened is still counted."""
    async with in_parts() as (backend, _, told):
        now = [1.0]
        breaker = backend.part_breakers.of("c")
        breaker._clock = lambda: now[0]
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                await backend.execute(Read(f"c/{ID}"))
        assert backend.statistics()["breakers_refusing"] == 1
        now[0] += 11.1
        statistics = backend.statistics()
        assert (statistics["breaker_opened"], statistics["breakers_refusing"]) == (1, 0)
        assert told == [("faulty/c", "open"), ("faulty/c", "closed")]


async def test_few_parts_are_kept() -> None:
    """However many there have been; openings of those forgotten still count."""
    async with in_parts() as (backend, _, _):
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                await backend.execute(Read(f"c/{ID}"))
        for part in range(MOST_PARTS * 2):
            await backend.execute(Read(f"{part}/{ID}"))
        assert len(backend.part_breakers) == MOST_PARTS
        assert backend.statistics()["breaker_opened"] == 1
