"""The breaker in front of a store: when it is left alone, and when it is asked again."""

import asyncio
import time
from collections import Counter as Tally
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from holdfast import StoreUnavailable
from holdfast.backend import (
    Apply,
    Changed,
    Conflict,
    Count,
    Read,
    Renew,
)
from holdfast.backends.memory import MemoryBackend
from holdfast.breaker import Breaker
from holdfast.retrying import Resilient
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import shuffled
from holdfast.testing.steps import HOUR, KEY, change, create, fresh
from tests.faulty import Faulty, Plan, faulty_memory, planned


@asynccontextmanager
async def memory(plan: Plan, **settings: Any) -> AsyncIterator[Faulty]:
    async with faulty_memory(plan=plan, **settings) as faulty:
        yield faulty


class TestBreaking:
    """A store that is away is left alone; one that is well is not."""

    async def test_a_frozen_store_is_left_alone_after_ten_calls(self) -> None:
        """From then on callers are answered at once, and the store is not asked."""
        async with memory(lambda _: "freeze") as faulty:
            backend = Resilient(faulty, deadline=0.1)
            calls = (backend.execute(Read(KEY)) for _ in range(10))
            await asyncio.gather(*calls, return_exceptions=True)
            assert backend.breaker.state == "open"
            took: list[float] = []
            for _ in range(200):
                began = time.perf_counter()
                with pytest.raises(StoreUnavailable) as caught:
                    await backend.execute(Read(KEY))
                took.append(time.perf_counter() - began)
                assert 0 < caught.value.retry_after <= 1
            assert sorted(took)[100] < 0.001
            assert faulty.sent["read"] == 10
            assert backend.statistics()["breaker_opened"] == 1

    def test_it_closes_soon_after_the_store_is_back(self) -> None:
        """Within seconds, by a few trials, without anybody's help."""

        async def scenario(clock: ManualClock) -> None:
            loop = asyncio.get_running_loop()
            async with memory(lambda _: "freeze", delay=lambda: 0.01) as faulty:
                backend = Resilient(faulty, deadline=1)
                backend.breaker = Breaker(clock=loop.time)

                async def caller() -> float:
                    """Ask again and again, and say when it went well for the first time."""
                    while True:
                        try:
                            await backend.execute(Count("conformance"))
                            return loop.time()
                        except StoreUnavailable as exc:
                            await asyncio.sleep(exc.retry_after)

                callers = [asyncio.create_task(caller()) for _ in range(20)]
                await asyncio.sleep(7)
                asked = faulty.sent["count"]
                assert backend.breaker.opened
                assert asked <= 20 + 10 * 3
                faulty.plan, back = planned(), loop.time()
                faulty.thawed.set()
                assert max(await asyncio.gather(*callers)) - back < 5
                await asyncio.sleep(2)
                assert backend.breaker.state == "closed"

        shuffled(scenario, seeds=range(40))

    @pytest.mark.parametrize("times", [3, 100])
    async def test_cancelled_callers_never_open_it(self, times: int) -> None:
        """Before they were answered, or between two attempts."""
        async with memory(lambda _: "freeze") as faulty:
            backend = Resilient(faulty, deadline=60)
            calls = [asyncio.create_task(backend.execute(Read(KEY))) for _ in range(times)]
            await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            assert all(call.cancelled() for call in calls)
            assert (backend.breaker.state, faulty.inside) == ("closed", 0)
            faulty.plan = planned()
            await backend.execute(Count("conformance"))

    async def test_refusals_never_open_it(self) -> None:
        """A store that says no is well."""
        async with memory(planned()) as faulty:
            backend = Resilient(faulty, deadline=5)
            await create(backend)
            for _ in range(100):
                assert isinstance(await backend.execute(change(expect_revision=9)), Conflict)
                await backend.execute(Read("conformance/absent"))
            assert backend.breaker.state == "closed"

    async def test_half_open_it_asks_three_at_a_time(self) -> None:
        """All the others are refused until those are answered."""
        async with memory(lambda _: "refuse") as faulty:
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
            now = [0.0]
            backend.breaker = Breaker(clock=lambda: now[0])
            for _ in range(10):
                with pytest.raises(StoreUnavailable):
                    await backend.execute(Read(KEY))
            now[0], faulty.most_inside, faulty.plan = 2.0, 0, lambda _: "freeze"
            calls = [asyncio.create_task(backend.execute(Read(KEY))) for _ in range(20)]
            await asyncio.sleep(0.01)
            assert (faulty.inside, sum(call.done() for call in calls)) == (3, 17)
            faulty.thawed.set()
            answers = await asyncio.gather(*calls, return_exceptions=True)
            assert Tally(isinstance(answer, StoreUnavailable) for answer in answers) == {
                True: 17, False: 3,
            }  # fmt: skip
            assert (backend.breaker.state, faulty.most_inside) == ("closed", 3)

    async def test_renewals_pass_an_open_breaker(self) -> None:
        """They are few, and losing a lease costs more than asking once more."""
        async with memory(lambda _: "refuse") as faulty:
            await create(MemoryBackend())
            backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
            calls = (backend.execute(Read(KEY)) for _ in range(10))
            await asyncio.gather(*calls, return_exceptions=True)
            assert backend.breaker.state == "open"
            faulty.plan = planned()
            await backend.execute(Renew(KEY, "t", HOUR))
            assert faulty.sent["renew"] == 1
            with pytest.raises(StoreUnavailable):
                await backend.execute(Read(KEY))

    async def test_it_passes_on_what_it_is_asked(self) -> None:
        """Name, statistics, bells and answers are those of the backend."""
        async with memory(planned()) as faulty:
            backend = Resilient(faulty, deadline=5)
            assert (backend.name, backend.answers_can_be_lost) == ("faulty", True)
            await create(backend)
            with backend.listen(KEY) as bell:
                answer = await backend.execute(Apply(KEY, fresh(), append=(b"item",)))
                assert isinstance(answer, Changed)
                assert await bell.rung(1)
            statistics = backend.statistics()
            assert statistics["kept_sessions"] == 1
            assert (statistics["retries"], statistics["breaker_opened"]) == (0, 0)
