from itertools import count

import pytest

from benchmarks import many_sessions, memory_part, redis_part, sqlite_part
from benchmarks.comparison import Comparison, Target
from benchmarks.measuring import Scale, Work, for_a_while, interleave, once_each, repeatedly
from benchmarks.old_design import OldSession, OldStore
from benchmarks.report import document, table

TINY = Scale(rounds=1, seconds=0.01, sessions=70, caps=(10, 20))


async def test_sqlite_is_compared_with_the_bare_drivers() -> None:
    """Every ratio of the part has a rate on both sides, and five of the nine have targets."""
    measured = await sqlite_part.compare(TINY)
    assert len(measured) == 9
    assert all(comparison.ratio > 0 for comparison in measured)
    assert [str(each.target) for each in measured if each.target][0::4] == ["≥ 0.3x", "≥ 1x"]


async def test_redis_is_compared_with_the_plain_client() -> None:
    """Changes and reads have their targets; what is always changed and a single read have none."""
    measured = await redis_part.compare(TINY)
    assert all(comparison.ratio > 0 for comparison in measured)
    targets = [str(each.target) for each in measured if each.target]
    assert targets == ["≥ 2.2x", "≥ 0.8x", "≥ 2.5x", "≥ 1.8x", "≥ 60x"]


async def test_many_sessions_are_created_without_a_look_at_all_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small run of the long measurement ends well, and prints what it measured."""
    monkeypatch.setattr(many_sessions, "WEIGHED", 50)
    monkeypatch.setattr(many_sessions, "RATED", 50)
    assert await many_sessions.run(1_200) == 0
    printed = capsys.readouterr().out
    assert "1,200 sessions" in printed
    assert "commands that look at all keys: none" in printed


async def test_memory_is_compared_with_the_old_design() -> None:
    """Reads, updates and creation at a full cap have their targets."""
    measured = await memory_part.compare(TINY)
    assert all(comparison.ratio > 0 for comparison in measured)
    assert [str(each.target) for each in measured if each.target] == ["≥ 8x", "≥ 3x", "≤ 1.3x"]


async def test_the_old_design_evicts_the_least_recently_active() -> None:
    """What we compare with is a store that works."""
    store = OldStore(max_sessions=2)
    await store.create(OldSession(session_id="a"))
    await store.create(OldSession(session_id="b"))
    updated = await store.update("a", topic="new", thread_id="t")
    await store.create(OldSession(session_id="c"))
    assert updated is not None
    assert updated.thread_id == "t"
    assert updated.metadata == {"topic": "new"}
    assert await store.get("b") is None
    assert await store.update("b", topic="late") is None
    assert await store.get("a") == updated


async def test_the_old_design_gives_copies_and_forgets_what_expired() -> None:
    """A caller's copy is its own, and a session past its deadline is absent."""
    store = OldStore(max_sessions=2)
    session = await store.create(OldSession(session_id="a", metadata={"tags": []}))
    session.metadata["tags"].append("mine")
    again = await store.get("a")
    assert again is not None
    assert again.metadata == {"tags": []}
    short = OldStore(max_sessions=2, ttl=-1)
    await short.create(OldSession(session_id="a"))
    assert await short.get("a") is None


async def test_every_contender_has_a_turn_in_each_round() -> None:
    """Each is first in one of two rounds, after one turn each to warm up."""
    taken: list[str] = []

    async def a() -> Work:
        taken.append("a")
        return Work(10, 2.0)

    async def b() -> Work:
        taken.append("b")
        return Work(9, 3.0)

    rates = await interleave({"a": a, "b": b}, rounds=2)
    assert taken[:2] == ["a", "b"]
    assert sorted(taken[2:4]) == ["a", "b"]
    assert taken[4:] == taken[3:1:-1]
    assert rates == {"a": (5.0, 5.0), "b": (3.0, 3.0)}


async def test_calls_are_counted_and_numbered_throughout() -> None:
    """Callers share one count of calls, so that their sessions differ."""
    seen: list[int] = []

    async def call(number: int) -> None:
        seen.append(number)

    work = await for_a_while(call, seconds=0.01, callers=3)
    assert seen == list(range(work.operations))
    seen.clear()
    assert (await once_each(call, calls=7, callers=3)).operations == 7
    assert seen == list(range(7))


async def test_short_turns_add_up() -> None:
    """Only the time that the turns themselves took counts."""
    turns = count(1)

    async def turn() -> Work:
        next(turns)
        return Work(5, 0.5)

    assert await repeatedly(turn, seconds=1.2) == Work(15, 1.5)
    assert next(turns) == 4


@pytest.mark.parametrize(
    ("target", "ratio", "reached"),
    [
        (Target(3), 3.0, True),
        (Target(3), 2.99, False),
        (Target(1.3, at_most=True), 1.3, True),
        (Target(1.3, at_most=True), 1.31, False),
    ],
)
def test_a_target_is_reached_or_not(target: Target, ratio: float, reached: bool) -> None:
    """A target bounds a ratio from below, or from above."""
    assert target.reached(ratio) is reached


def test_the_report_shows_each_ratio_with_its_spread_and_target() -> None:
    """A ratio is the median of the rounds; a rate never stands alone."""
    comparison = Comparison("sqlite", "apply", "floor", [4, 5, 9], [10, 10, 10], Target(0.6))
    line = table([comparison]).splitlines()[-1]
    assert all(part in line for part in ("0.50x", "0.40..0.90", "≥ 0.6x", "NOT reached", "5 : 10"))
    (shown,) = document([comparison])["comparisons"]
    assert (shown["ratio"], shown["reached"], shown["target"]) == (0.5, False, "≥ 0.6x")
    assert Comparison("a", "b", "c", [1], [1]).reached is None
