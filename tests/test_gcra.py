"""The rate limiter's specification against a plain bucket of exact arithmetic."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.backend import Allowance, Take
from holdfast.gcra import decide

START = 10**12
limits = st.tuples(st.integers(1, 10**7), st.integers(1, 50))
steps = st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 60)), max_size=50)
both_ways = st.lists(st.tuples(st.integers(0, 10**8), st.integers(-10, 60)), max_size=50)


class Bucket:
    """Holds `burst` units, each worth `interval` microseconds of flow, full at first."""

    def __init__(self, interval: int, burst: int) -> None:
        self.interval, self.full = interval, interval * burst
        self.saved = self.full

    def wait(self, microseconds: int) -> None:
        self.saved = min(self.full, self.saved + microseconds)

    def take(self, cost: int) -> Allowance:
        price = cost * self.interval
        if price > self.saved:
            left = self.saved // self.interval
            return Allowance(False, left, price - self.saved, self.full - self.saved)
        self.saved = min(self.full, self.saved - price)
        return Allowance(True, self.saved // self.interval, 0, self.full - self.saved)


@given(limits, both_ways)
def test_it_answers_as_a_bucket_does(limit: tuple[int, int], taken: list[tuple[int, int]]) -> None:
    """One number is as good as a bucket that is filled every microsecond, or given back to."""
    bucket = Bucket(*limit)
    now, arrival = START, 0
    for passed, cost in taken:
        now += passed
        bucket.wait(passed)
        decision = decide(Take("key", *limit, cost), arrival=arrival, now=now)
        assert decision.allowance == bucket.take(cost)
        arrival = arrival if decision.arrival is None else decision.arrival


@given(limits, steps)
def test_no_stretch_of_time_sees_more_than_burst_and_rate(
    limit: tuple[int, int], taken: list[tuple[int, int]]
) -> None:
    """Between any two moments at most the burst passes, and one unit for each interval between."""
    interval, burst = limit
    now, arrival = START, 0
    passed: list[tuple[int, int]] = []
    for waited, cost in taken:
        now += waited
        decision = decide(Take("key", interval, burst, cost), arrival=arrival, now=now)
        if decision.arrival is not None:
            arrival = decision.arrival
            passed.append((now, cost))
    for begin in range(len(passed)):
        since, total = passed[begin][0], 0
        for at, cost in passed[begin:]:
            total += cost
            assert total <= burst + (at - since) // interval + 1


@given(limits, st.integers(1, 50))
def test_who_waits_as_told_gets_in(limit: tuple[int, int], cost: int) -> None:
    """After `retry_after` the cost is there, and a microsecond before it is not."""
    interval, burst = limit
    asked = Take("key", interval, burst, min(cost, burst))
    arrival = START + interval * burst
    refused = decide(asked, arrival=arrival, now=START).allowance
    assert not refused.allowed
    later = START + refused.retry_after
    assert not decide(asked, arrival=arrival, now=later - 1).allowance.allowed
    assert decide(asked, arrival=arrival, now=later).allowance.allowed


def test_an_arrival_time_beyond_the_burst_counts_as_none() -> None:
    """It is from before the clock restarted; otherwise nobody would get in for days."""
    decision = decide(Take("key", 10, 3), arrival=START + 31, now=START)
    assert decision.allowance == Allowance(True, 2, 0, 10)
    assert not decide(Take("key", 10, 3), arrival=START + 30, now=START).allowance.allowed
