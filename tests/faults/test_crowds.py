"""Many callers: without a connection, cancelled, and limited."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from statistics import mean
from time import monotonic

import pytest

from holdfast.backend import Allowance, Backend, Take
from holdfast.change import Change
from holdfast.errors import HoldfastError, StoreUnavailable
from tests.faults.criteria import SESSIONS, Length, nothing_left
from tests.redis_servers import RedisServer
from tests.tallying import Store, Tally, tally_store, until

pytestmark = pytest.mark.slow


async def test_nobody_starves_among_500_callers(own_redis: RedisServer) -> None:
    """They share one connection; who waits longest waits three times as long as all, at most."""
    async with tally_store(own_redis.url()) as store:
        for session_id in SESSIONS:
            await store.create(session_id)

        async def caller(number: int) -> float:
            began = monotonic()
            for _ in range(10):
                await store.increment_counter(SESSIONS[number % len(SESSIONS)], "steps")
            return monotonic() - began

        waited = await asyncio.gather(*map(caller, range(500)))
        assert max(waited) <= 3 * mean(waited)
        sessions = await store.get_batch(SESSIONS)
        assert sum(session.steps for session in sessions.values() if session) == 5000
        assert store.backend.statistics()["connects"] == 1


async def test_a_server_without_a_connection_left_is_unavailable_until_there_is_one(
    own_redis: RedisServer,
) -> None:
    """Each call ends at once or with an answer; none waits for its deadline."""
    async with nothing_left(own_redis), tally_store(own_redis.url()) as store:
        await store.create("there")
        with own_redis.client() as others:
            others.config_set("maxclients", 1)
            others.client_kill_filter(_type="normal", skipme=True)
            for _ in range(50):
                began = monotonic()
                with pytest.raises(StoreUnavailable):
                    await store.get("there")
                assert monotonic() - began < 1
            others.config_set("maxclients", 100)
            healed = monotonic()
            while not await _answers(store):
                assert monotonic() - healed < 5


async def _answers(store: Store) -> bool:
    try:
        assert await store.get("there") is not None
    except StoreUnavailable:
        await asyncio.sleep(0.01)
        return False
    return True


class Fuzz:
    """Calls that are cancelled at any moment; each session holds its own name as a value."""

    def __init__(self, store: Store, dice: random.Random) -> None:
        self._store = store
        self._dice = dice
        self.sent: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.cancelled = 0

    async def increment(self, session_id: str) -> None:
        self.sent[session_id] += 1
        await self._store.increment_counter(session_id, "steps")
        self.answered[session_id] += 1

    async def read(self, session_id: str) -> None:
        session = await self._store.get(session_id)
        assert session is not None
        assert (session.session_id, session.metadata["owner"]) == (session_id, session_id)

    async def append(self, session_id: str) -> None:
        await self._store.append(session_id, session_id)

    async def look(self, session_id: str) -> None:
        items = await self._store.items(session_id, limit=5)
        assert all(item.value == session_id for item in items)

    async def hold(self, session_id: str) -> None:
        async with self._store.lease(session_id, ttl=5, wait=5) as lease:
            await lease.apply(Change(set={"held": session_id}))

    async def call(self) -> None:
        """Make a call, and cancel it in 6 of 10 cases, once or twice."""
        kinds: list[Callable[[str], Awaitable[None]]] = [
            self.increment, self.read, self.append, self.look, self.hold,
        ]  # fmt: skip
        kind = self._dice.choices(kinds, (4, 4, 2, 2, 1))[0]
        task = asyncio.ensure_future(kind(self._dice.choice(SESSIONS)))
        if self._dice.random() < 0.6:
            for _ in range(self._dice.randrange(6)):
                await asyncio.sleep(0)
            for _ in range(self._dice.choice((1, 2))):
                task.cancel()
                await asyncio.sleep(0)
        await asyncio.wait((task,))
        if task.cancelled():
            self.cancelled += 1
        else:
            task.result()


@pytest.mark.parametrize("near", ["", "?near_cache=100"], ids=["plain", "near"])
async def test_cancelled_calls_leave_nothing(
    own_redis: RedisServer, near: str, length: Length
) -> None:
    """No foreign answer, no doubled step, no lease that is not given back, no other connection."""
    calls = length.times(500, 6250)
    async with nothing_left(own_redis), tally_store(own_redis.url(query=near)) as store:
        for session_id in SESSIONS:
            await store.create(session_id, owner=session_id)
        fuzz = Fuzz(store, random.Random(19))

        async def caller() -> None:
            for _ in calls:
                await fuzz.call()

        await asyncio.gather(*(caller() for _ in range(16)))
        assert fuzz.cancelled > 0.3 * 16 * len(calls)
        for session_id in SESSIONS:
            async with store.lease(session_id, wait=1.0):
                session = await store.get(session_id, fresh=True)
            assert isinstance(session, Tally)
            assert fuzz.answered[session_id] <= session.steps <= fuzz.sent[session_id]
        statistics = store.backend.statistics()
        assert statistics["crossed_replies"] == 0
        assert statistics["connects"] == 1


async def _take(backend: Backend, until_then: float) -> tuple[int, int]:
    """Take as often as possible; how often it was granted, and how often nobody could tell."""
    granted = failed = 0
    while monotonic() < until_then:
        try:
            answer = await backend.execute(Take("limits/shared", 10_000, 50))
        except HoldfastError:
            failed += 1
            await asyncio.sleep(0.01)
        else:
            assert isinstance(answer, Allowance)
            granted += answer.allowed
            await asyncio.sleep(0 if answer.allowed else 0.002)
    return granted, failed


async def test_a_limit_holds_for_all_processes_and_through_a_pause(
    own_redis: RedisServer, length: Length
) -> None:
    """A hundred a second and fifty at once; while the server is away nothing is granted."""
    async with (
        tally_store(own_redis.url(), deadline=0.5) as here,
        tally_store(own_redis.url(), deadline=0.5) as there,
    ):
        began = monotonic()
        lasting = length.of(2, 20)
        takers = [
            asyncio.create_task(_take(store.backend, began + lasting))
            for store in (here, there)
            for _ in range(8)
        ]
        await asyncio.sleep(lasting / 4)
        own_redis.freeze()
        await until(lambda: here.backend.statistics()["breaker_opened"] > 0)
        own_redis.thaw()
        results = await asyncio.gather(*takers)
        took = monotonic() - began
        granted = sum(granted for granted, _ in results)
        assert sum(failed for _, failed in results) > 0
        assert 50 < granted <= (50 + 100 * took) * 1.01
