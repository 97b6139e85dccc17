"""What is repeated, how often, for how long, and what becomes of it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import Change, StoreUnavailable
from holdfast.backend import (
    Acquire,
    Apply,
    Conflict,
    Count,
    Delete,
    DraftKept,
    Drop,
    KeepDraft,
    List,
    Operation,
    Purge,
    Read,
    ReadDraft,
    ReadItems,
    Release,
    Renew,
    Take,
    Touch,
)
from holdfast.observing import Observer
from holdfast.operations import operation_name
from holdfast.retrying import Resilient, RetryPolicy, recognises
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import run_shuffled, shuffled
from holdfast.testing.steps import HOUR, KEY, change, create, creation
from holdfast.testing.store_steps import ID, Shared, present, together
from tests.faulty import Fault, Faulty, Plan, faulty_memory, patient, planned, store_on

MANY = RetryPolicy(attempts=12, first_pause=0.01, reserve=100_000)
ONE_OF_EACH: tuple[Operation, ...] = (
    creation(), Read(KEY), Touch(KEY), Delete(KEY), ReadItems(KEY, 0, 10), Drop(KEY),
    Acquire(KEY, "t", HOUR), Renew(KEY, "t", HOUR), Release(KEY, "t"), Take("limit", 1000, 10),
    KeepDraft(KEY, b"draft"), ReadDraft(KEY), Touch(KEY, ttl=HOUR),
    Count("conformance"), List("conformance", 10), Purge("conformance", 10),
    change(remember=True), change(remember=False),
)  # fmt: skip


def unlucky(seed: int, *, lost: float, refused: float) -> Plan:
    """Fail at random."""
    rng = random.Random(seed)
    kinds: tuple[Fault, ...] = ("lose_answer", "refuse", "none")
    return lambda _: rng.choices(kinds, (lost, refused, 1 - lost - refused))[0]


@asynccontextmanager
async def memory(plan: Plan, **settings: Any) -> AsyncIterator[Faulty]:
    async with faulty_memory(plan=plan, **settings) as faulty:
        yield faulty


class TestExactlyOnce:
    """A change that was retried is applied once and answered as it was the first time."""

    @pytest.mark.parametrize("seed", range(5))
    async def test_nothing_is_lost_or_doubled_where_answers_get_lost(self, seed: int) -> None:
        """A third of all answers never arrive, a tenth of the operations neither."""
        async with memory(unlucky(seed, lost=0.3, refused=0.1)) as faulty:
            backend = patient(Resilient(faulty, deadline=60, policy=MANY, jitter=lambda: 0.0))
            async with store_on(Shared(backend)) as store:
                made = await together(store.get_or_create(ID) for _ in range(20))
                assert len({session.incarnation for session in made}) == 1
                values = await together(store.increment_counter(ID, "visits") for _ in range(150))
                last = await together(store.append(ID, place) for place in range(50))
                claims = await together(store.claim(ID, "escalated") for _ in range(30))
                assert sorted(values) == list(range(1, 151))
                assert sorted(last) == list(range(1, 51))
                items = {item.number: item.value for item in await store.items(ID)}
                assert items == dict(zip(last, range(50), strict=True))
                assert sum(claims) == 1
                assert (await present(store)).revision == 1 + 150 + 50 + 1
            assert faulty.sent["apply"] > 300

    async def test_a_lost_answer_to_a_lease_finds_itself_the_owner(self) -> None:
        """It does not wait for its own lease to end."""
        async with memory(planned()) as faulty:
            backend = Resilient(faulty, deadline=5, policy=MANY, jitter=lambda: 0.0)
            async with store_on(Shared(backend)) as store:
                await store.create(ID)
                faulty.plan = planned("lose_answer", "lose_answer")
                began = time.monotonic()
                async with store.lease(ID, ttl=30, wait=0) as lease:
                    assert faulty.sent["acquire"] == 3
                    await lease.apply(Change(add={"visits": 1}))
                assert time.monotonic() - began < 2

    async def test_a_caller_s_own_id_is_recognised_after_an_unknown_outcome(self) -> None:
        """Whoever was told "unknown" sends it again, and learns what became of it."""
        async with memory(planned()) as faulty, store_on(Shared(faulty)) as store:
            await store.create(ID)
            once = Change(change_id="mine", add={"visits": 1})
            faulty.plan = planned("lose_answer")
            with pytest.raises(StoreUnavailable) as caught:
                await store.apply(ID, once)
            assert caught.value.outcome == "unknown"
            applied = await store.apply(ID, once)
            assert (applied.replayed, applied.counters["visits"]) == (True, 1)


class TestRepeating:
    """Repeated is what was surely not applied, or is recognised."""

    @pytest.mark.parametrize("operation", ONE_OF_EACH, ids=operation_name)
    async def test_what_was_refused_before_it_was_applied_is_sent_again(
        self, operation: Operation
    ) -> None:
        """Whatever it is."""
        async with memory(planned("refuse", "refuse")) as faulty:
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
            await backend.execute(operation)
            assert faulty.sent.total() == 3
            assert backend.statistics()["retries"] == 2

    @pytest.mark.parametrize("operation", ONE_OF_EACH, ids=operation_name)
    async def test_what_may_have_been_applied_is_sent_again_only_if_recognised(
        self, operation: Operation
    ) -> None:
        """A removed item, a spent limit, a change without a memory of it are not.

        Nor is what would stand in the place of something newer: a draft, an idle time.
        """
        is_repeated = not (
            isinstance(operation, Drop | Take | KeepDraft)
            or (isinstance(operation, Apply) and not operation.remember)
            or (isinstance(operation, Touch) and operation.ttl is not None)
        )
        assert recognises(operation) is is_repeated
        async with memory(planned("lose_answer")) as faulty:
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
            if is_repeated:
                await backend.execute(operation)
            else:
                with pytest.raises(StoreUnavailable) as caught:
                    await backend.execute(operation)
                assert caught.value.outcome == "unknown"
            assert faulty.sent.total() == 1 + is_repeated

    async def test_an_old_draft_never_takes_the_place_of_a_newer_one(self) -> None:
        """Nobody can tell what became of it; under a lease nobody else keeps one meanwhile."""
        async with memory(planned("none", "none", "lose_answer", "lose_answer")) as faulty:
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
            await backend.execute(creation())
            await backend.execute(Acquire(KEY, "t", HOUR))
            with pytest.raises(StoreUnavailable) as caught:
                await backend.execute(KeepDraft(KEY, b"old"))
            assert caught.value.outcome == "unknown"
            assert await backend.execute(KeepDraft(KEY, b"mine", "t")) == DraftKept()

    @pytest.mark.parametrize(
        ("faults", "outcome"),
        [
            (("lose_answer", "refuse", "refuse"), "unknown"),
            (("refuse", "lose_answer", "refuse"), "unknown"),
            (("refuse", "refuse", "lose_answer"), "unknown"),
            (("refuse", "refuse", "refuse"), "not_applied"),
        ],
    )
    async def test_what_was_unknown_once_is_not_known_by_a_later_refusal(
        self, faults: tuple[Fault, ...], outcome: str
    ) -> None:
        """Only when every attempt was refused before it was applied has nothing happened."""
        async with memory(planned(*faults)) as faulty:
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0)
            with pytest.raises(StoreUnavailable) as caught:
                await backend.execute(creation())
            assert caught.value.outcome == outcome

    async def test_refusals_and_mistakes_are_not_repeated(self) -> None:
        """They are answers."""
        async with memory(planned()) as faulty:
            backend = Resilient(faulty, deadline=5)
            await create(backend)
            assert isinstance(await backend.execute(change(expect_revision=9)), Conflict)
            with pytest.raises(AttributeError):
                await backend.execute("no operation")  # type: ignore[arg-type]
            assert faulty.sent.total() == 3

    async def test_it_gives_up_after_its_attempts(self) -> None:
        """With the last error."""
        async with memory(lambda _: "refuse") as faulty:
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
            with pytest.raises(StoreUnavailable, match="Nobody is there"):
                await backend.execute(Read(KEY))
            assert faulty.sent["read"] == 3

    async def test_repetitions_are_a_tenth_of_the_traffic(self) -> None:
        """And a few more at once: retries do not keep a store down that comes back."""
        async with memory(lambda _: "refuse") as faulty:
            backend = patient(Resilient(faulty, deadline=5, jitter=lambda: 0.0))
            calls = (backend.execute(Read(KEY)) for _ in range(1000))
            await asyncio.gather(*calls, return_exceptions=True)
            assert 1000 < faulty.sent["read"] <= 1000 * 1.1 + 10
            faulty.plan = planned()
            for _ in range(200):
                await backend.execute(Read(KEY))
            faulty.plan = planned("refuse")
            await backend.execute(Read(KEY))

    async def test_observers_are_told_of_every_repetition(self) -> None:
        """With the number of the attempt."""
        told: list[tuple[str, str, int]] = []

        class Watching(Observer):
            def operation_retried(self, *, operation: str, store: str, attempt: int) -> None:
                told.append((operation, store, attempt))

        observer: Observer = Watching()
        async with memory(planned("refuse", "refuse")) as faulty:
            await Resilient(faulty, deadline=5, observers=[observer], jitter=lambda: 0.0).execute(
                Read(KEY)
            )
        assert told == [("read", "faulty", 2), ("read", "faulty", 3)]


class TestTime:
    """A call ends within its deadline, whatever the store does."""

    @settings(max_examples=50)
    @given(st.lists(st.floats(0, 1, exclude_max=True), min_size=9, max_size=9))
    def test_pauses_are_random_up_to_a_doubling_bound(self, drawn: list[float]) -> None:
        """Full jitter: from nothing to 0.1, 0.2, 0.4 … s, and never above a second."""
        bounds = [0.1, 0.2, 0.4, 0.8, 1, 1, 1, 1, 1]
        jitter = iter(drawn)

        async def scenario(clock: ManualClock) -> None:
            policy = RetryPolicy(attempts=10)
            loop = asyncio.get_running_loop()
            async with memory(lambda _: "refuse") as faulty:
                backend = patient(
                    Resilient(faulty, deadline=60, policy=policy, jitter=lambda: next(jitter))
                )
                began = loop.time()
                with pytest.raises(StoreUnavailable):
                    await backend.execute(Read(KEY))
                expected = sum(b * d for b, d in zip(bounds, drawn, strict=True))
                assert loop.time() - began == pytest.approx(expected, abs=0.001)
                assert faulty.sent["read"] == 10

        run_shuffled(scenario, seed=1)

    def test_pauses_differ_unless_told_otherwise(self) -> None:
        """Callers that failed together do not come back together."""
        took: set[float] = set()

        async def scenario(clock: ManualClock) -> None:
            loop = asyncio.get_running_loop()
            async with memory(lambda _: "refuse") as faulty:
                backend = patient(Resilient(faulty, deadline=60))
                began = loop.time()
                with pytest.raises(StoreUnavailable):
                    await backend.execute(Read(KEY))
                took.add(loop.time() - began)
                assert loop.time() - began <= 0.3

        for seed in range(20):
            run_shuffled(scenario, seed=seed)
        assert len(took) > 15

    @pytest.mark.parametrize(
        ("operation", "outcome"), [(Read(KEY), "not_applied"), (change(), "unknown")]
    )
    async def test_a_frozen_store_costs_the_deadline_and_no_more(
        self, operation: Operation, outcome: str
    ) -> None:
        """A read has surely done nothing; of a change nobody can tell."""
        async with memory(lambda _: "freeze") as faulty:
            backend = Resilient(faulty, deadline=0.2)
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match=r"within 0\.2 s") as caught:
                await backend.execute(operation)
            assert 0.2 <= time.monotonic() - began < 0.3
            assert caught.value.outcome == outcome
            assert faulty.inside == 0

    def test_a_slow_and_failing_store_costs_the_deadline_and_no_more(self) -> None:
        """Repetitions and pauses are inside it."""

        async def scenario(clock: ManualClock) -> None:
            loop = asyncio.get_running_loop()
            async with memory(lambda _: "refuse", delay=lambda: 0.4) as faulty:
                backend = patient(Resilient(faulty, deadline=1, policy=MANY, jitter=lambda: 1.0))
                began = loop.time()
                with pytest.raises(StoreUnavailable):
                    await backend.execute(Read(KEY))
                assert 1 <= loop.time() - began < 1.1

        shuffled(scenario, seeds=range(20))
