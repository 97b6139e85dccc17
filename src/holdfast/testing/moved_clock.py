"""What a backend on the host's clocks promises about time, to the microsecond."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.backend import Acquire, Backend, Found, Granted, Held, Renew, Take, Touch
from holdfast.gcra import decide
from holdfast.testing.deadlines import purge
from holdfast.testing.limits import take
from holdfast.testing.manual_clock import ManualClock
from holdfast.testing.steps import HOUR, KEY, ask, count, create, expect, is_absent, read

LEASE = 30_000_000
# The fixtures serve all examples of a test, and each backend's class runs it.
SHARED = (HealthCheck.function_scoped_fixture, HealthCheck.differing_executors)


class MovedClockConformance:
    """For backends that are built with a clock; the fixture `clock` is the one that they got."""

    async def test_a_session_ends_at_the_very_microsecond(
        self, backend: Backend, clock: ManualClock
    ) -> None:
        """The last microsecond before the deadline is life, the deadline is not."""
        for ttl, max_age in ((1_234_567, HOUR), (HOUR, 1_234_567)):
            await create(backend, ttl=ttl, max_age=max_age)
            clock.pass_by(1_234_566)
            assert (await read(backend)).revision == 1
            assert (await count(backend), await purge(backend)) == (1, set())
            clock.pass_by(1)
            assert await count(backend) == 0
            assert await is_absent(backend)

    async def test_a_lease_ends_at_the_very_microsecond(
        self, backend: Backend, clock: ManualClock
    ) -> None:
        """What `Held` says remains is what remains."""
        await create(backend)
        await ask(backend, Acquire(KEY, "first", LEASE), Granted)
        clock.pass_by(LEASE - 1)
        await expect(backend, Acquire(KEY, "second", LEASE), Held(1))
        clock.pass_by(1)
        assert (await ask(backend, Acquire(KEY, "second", LEASE), Granted)).remaining == LEASE

    async def test_times_are_those_of_the_clock(self, backend: Backend, clock: ManualClock) -> None:
        """A touch writes the moment at which it came."""
        record = await create(backend)
        assert record.created == clock.clock.wall()
        clock.pass_by(1_234_567)
        touched = (await ask(backend, Touch(KEY, slide=True), Found)).record
        assert touched.active == touched.base == clock.clock.wall() == record.created + 1_234_567

    async def test_setting_the_wall_clock_moves_no_lease_and_no_limit(
        self, backend: Backend, clock: ManualClock
    ) -> None:
        """Neither an hour back nor an hour forward ends a lease early, or lets it last."""
        await create(backend, ttl=100 * HOUR, max_age=100 * HOUR)
        first = await ask(backend, Acquire(KEY, "first", LEASE), Granted)
        one = Take("limit", LEASE, 1)
        await take(backend, one)
        for seconds in (3600.0, -7200.0):
            clock.set_back(seconds)
            await expect(backend, Acquire(KEY, "second", LEASE), Held(LEASE))
            assert await ask(backend, Renew(KEY, "first", LEASE), Granted) == first
            assert (await take(backend, one)).retry_after == LEASE
        clock.set_back(7200)
        clock.pass_by(LEASE)
        assert (await ask(backend, Acquire(KEY, "second", LEASE), Granted)).fence > first.fence
        assert (await take(backend, one)).allowed is True

    @settings(max_examples=40, suppress_health_check=SHARED)
    @given(
        limit=st.tuples(st.integers(1, 10**7), st.integers(1, 20)),
        steps=st.lists(st.tuples(st.integers(0, 10**8), st.integers(-5, 25)), max_size=30),
    )
    async def test_a_limit_follows_its_specification(
        self,
        backend: Backend,
        clock: ManualClock,
        limit: tuple[int, int],
        steps: list[tuple[int, int]],
    ) -> None:
        """Every answer is that of the generic cell rate algorithm at that time."""
        arrival = 0
        key = f"specified/{next(_serial)}"
        for passed, cost in steps:
            clock.pass_by(passed)
            asked = Take(key, *limit, cost)
            decision = decide(asked, arrival=arrival, now=clock.clock.boot())
            assert await take(backend, asked) == decision.allowance
            arrival = arrival if decision.arrival is None else decision.arrival


_serial = itertools.count()
