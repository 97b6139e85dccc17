"""The breaker opens when a store fails, asks carefully whether it is back, and closes again."""

import asyncio
import random
from collections.abc import Iterable

import pytest

from holdfast.backend import Conflict, Read
from holdfast.breaker import MOST_CALLS, STRETCHES, Breaker, BreakerPolicy, State
from holdfast.errors import StoreUnavailable
from holdfast.retrying import Resilient
from holdfast.testing import ManualClock
from holdfast.testing.shuffling import shuffled
from holdfast.testing.steps import KEY, change, create
from tests.faulty import faulty_memory, well

POLICY = BreakerPolicy(failure_rate=0.5, minimum_calls=10, window=10, pause=1, permits=3)


class Watched:
    """A breaker on a clock that is moved by hand, and what it told."""

    def __init__(self, policy: BreakerPolicy = POLICY) -> None:
        self.now = 100.0
        self.moves: list[State] = []
        self.breaker = Breaker(policy, clock=lambda: self.now, on_move=self.moves.append)

    def calls(self, answers: Iterable[bool | None]) -> None:
        """Make calls, one after another."""
        for answered in answers:
            self.breaker.admit().settle(answered)

    def state(self) -> State:
        """Say where it stands."""
        return self.breaker.state

    def opened(self) -> "Watched":
        """Have it opened by failures."""
        self.calls([False] * 10)
        assert self.state() == "open"
        return self

    def half_opened(self) -> "Watched":
        """Have its pause go by, and settle nothing."""
        self.opened().now += POLICY.pause
        return self


def test_it_opens_when_half_of_enough_calls_failed() -> None:
    """Not with fewer calls, and not with fewer failures."""
    watched = Watched()
    watched.calls([False] * 9)
    assert watched.state() == "closed"
    watched.calls([False])
    assert (watched.state(), watched.breaker.opened) == ("open", 1)
    rarely = Watched()
    rarely.calls([True, True, False] * 100)
    assert rarely.state() == "closed"
    rarely.calls([False] * 100)
    assert rarely.state() == "open"


def test_a_good_past_does_not_hide_a_store_that_hangs() -> None:
    """A thousand answers, then ten calls that nothing answers for a second."""
    watched = Watched()
    watched.calls([True] * 1000)
    permits = [watched.breaker.admit() for _ in range(20)]
    watched.now += POLICY.silence
    for permit in permits[:9]:
        permit.settle(answered=False)
    assert watched.state() == "closed"
    permits[9].settle(answered=False)
    assert watched.state() == "open"


@pytest.mark.parametrize("between", [True, None])
def test_what_fails_at_once_is_no_store_that_hangs(between: bool | None) -> None:
    """A connection that is cut after an idle hour, and a single answer on the way."""
    watched = Watched()
    watched.calls([True] * 1000)
    watched.now += 5
    watched.calls([False] * 20)
    assert watched.state() == "closed"
    watched.now += 0.9
    permits = [watched.breaker.admit() for _ in range(20)]
    watched.calls([between])
    watched.now += 0.9
    for permit in permits:
        permit.settle(answered=False)
    assert watched.state() == "closed"


def test_failures_are_forgotten_with_the_window() -> None:
    """Nine failures and an hour later another nine open nothing."""
    watched = Watched()
    for _ in range(5):
        watched.calls([False] * 9)
        watched.now += 10.1
    assert watched.state() == "closed"


def test_it_remembers_a_bounded_number_of_calls() -> None:
    """However fast they come: a long good past does not hide a store that has just gone."""
    watched = Watched()
    watched.calls([True] * 100_000)
    assert len(watched.breaker._stretches) == STRETCHES
    watched.calls([False] * (MOST_CALLS * STRETCHES // 2))
    assert watched.state() == "open"


@pytest.mark.parametrize("times", [3, 100, 5000])
def test_cancelled_calls_never_open_it(times: int) -> None:
    """They say nothing about the store."""
    watched = Watched()
    watched.calls([None] * times)
    assert (watched.state(), watched.moves) == ("closed", [])
    watched.calls([False] * 9)
    assert watched.state() == "closed"


def test_open_it_refuses_and_says_for_how_long() -> None:
    """Nothing was sent, so nothing was applied."""
    watched = Watched().opened()
    watched.now += 0.25
    with pytest.raises(StoreUnavailable) as caught:
        watched.breaker.admit()
    assert caught.value.retry_after == pytest.approx(0.75)
    assert caught.value.outcome == "not_applied"
    watched.now += 10
    permits = [watched.breaker.admit() for _ in range(3)]
    with pytest.raises(StoreUnavailable) as caught:
        watched.breaker.admit()
    assert 0 < caught.value.retry_after <= len(permits)


def test_half_open_it_lets_a_few_through_and_closes_when_they_are_answered() -> None:
    """A fourth caller is refused meanwhile."""
    watched = Watched().half_opened()
    permits = [watched.breaker.admit() for _ in range(3)]
    assert watched.state() == "half_open"
    for _ in range(20):
        with pytest.raises(StoreUnavailable):
            watched.breaker.admit()
    for permit in permits[:2]:
        permit.settle(True)
        with pytest.raises(StoreUnavailable):
            watched.breaker.admit()
    permits[2].settle(True)
    assert watched.moves == ["open", "half_open", "closed"]
    watched.calls([False] * 9)
    assert watched.state() == "closed"


def test_half_open_one_failure_opens_it_again() -> None:
    """For another whole pause."""
    watched = Watched().half_opened()
    first, second = watched.breaker.admit(), watched.breaker.admit()
    first.settle(False)
    assert (watched.state(), watched.breaker.opened) == ("open", 2)
    second.settle(True)
    watched.now += 0.99
    with pytest.raises(StoreUnavailable):
        watched.breaker.admit()
    watched.now += 0.02
    watched.breaker.admit()
    assert watched.state() == "half_open"


async def test_a_store_that_is_back_and_refuses_is_back() -> None:
    """The trials may all be answered with a no: the breaker closes."""
    async with faulty_memory() as faulty:
        await create(faulty)
        faulty.plan = lambda _: "refuse"
        backend = Resilient(faulty, deadline=5, jitter=lambda: 0.0)
        now = [0.0]
        backend.breaker = Breaker(clock=lambda: now[0])
        for _ in range(10):
            with pytest.raises(StoreUnavailable):
                await backend.execute(Read(KEY))
        assert backend.breaker.opened == 1
        now[0], faulty.plan = 2.0, well
        for _ in range(3):
            assert isinstance(await backend.execute(change(expect_revision=9)), Conflict)
        assert backend.breaker.state == "closed"


def test_a_permit_that_was_cancelled_can_be_used_again() -> None:
    """Impatient callers do not use up the trials of a store that is well."""
    watched = Watched().half_opened()
    for _ in range(50):
        watched.calls([None] * 3)
    assert watched.state() == "half_open"
    watched.calls([True] * 3)
    assert watched.state() == "closed"


def test_late_answers_of_older_calls_count_for_nothing() -> None:
    """Neither close nor open it, nor give permits back that they never took."""
    watched = Watched()
    late = [watched.breaker.admit() for _ in range(20)]
    watched.opened()
    late[0].settle(True)
    watched.now += 1
    permits = [watched.breaker.admit() for _ in range(3)]
    for permit in late[1:]:
        permit.settle(False)
    assert watched.state() == "half_open"
    with pytest.raises(StoreUnavailable):
        watched.breaker.admit()
    for permit in permits:
        permit.settle(True)
    assert watched.state() == "closed"


MOVES = {
    ("closed", "open"), ("open", "half_open"), ("half_open", "open"), ("half_open", "closed"),
}  # fmt: skip


class Service:
    """A store that is away for three seconds, and callers who ask it through a breaker."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.moves: list[State] = []
        self.breaker = Breaker(POLICY, clock=self.loop.time, on_move=self.moves.append)
        self.away = (self.loop.time() + 2, self.loop.time() + 5)
        self._trials = 0

    async def ask(self, rng: random.Random) -> None:
        """Ask once; at most three do so while the breaker is half open."""
        permit = self.breaker.admit()
        is_trial = self.breaker.state == "half_open"
        answered: bool | None = None
        self._trials += is_trial
        assert self._trials <= POLICY.permits
        try:
            asked = self.loop.time()
            await asyncio.sleep(rng.uniform(0.01, 0.3))
            answered = not self.away[0] <= asked < self.away[1]
        finally:
            self._trials -= is_trial
            permit.settle(answered)

    async def keep_asking(self, rng: random.Random) -> bool:
        """Ask until the store is back for a while; say whether the last question was let in."""
        let_in = False
        while self.loop.time() < self.away[1] + 3:
            question = asyncio.create_task(self.ask(rng))
            if rng.random() < 0.2:
                self.loop.call_later(rng.uniform(0, 0.2), question.cancel)
            [answer] = await asyncio.gather(question, return_exceptions=True)
            assert answer is None or isinstance(answer, StoreUnavailable | asyncio.CancelledError)
            let_in = not isinstance(answer, StoreUnavailable)
            await asyncio.sleep(rng.uniform(0.01, 0.5))
        return let_in


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_in_any_order_it_stays_within_its_rules(first: int) -> None:
    """While a store is away nobody asks it but the trials; when it is back all calls are let in.

    A dozen callers, some of them cancelled.
    """

    async def scenario(clock: ManualClock) -> None:
        service = Service()
        callers = (service.keep_asking(random.Random(number)) for number in range(12))
        assert all(await asyncio.gather(*callers))
        assert (service.moves[0], service.moves[-1]) == ("open", "closed")
        assert set(zip(["closed", *service.moves], service.moves, strict=False)) <= MOVES

    shuffled(scenario, seeds=range(first, first + 50))
