"""Rounds, ratios, tallies and axes of `holdfast bench`."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from holdfast.benchmarking.audit import audit
from holdfast.benchmarking.comparison import Comparison, compare
from holdfast.benchmarking.contender import Call, Entrant, Kept
from holdfast.benchmarking.own import entrants
from holdfast.benchmarking.peers import aiosqlite_driver
from holdfast.benchmarking.peers.catalog import OPENAI_SQLITE
from holdfast.benchmarking.plots import by_callers, by_work
from holdfast.benchmarking.rounds import in_order, interleave, rate
from holdfast.benchmarking.scales import RatioAxis
from holdfast.benchmarking.work import APPEND, FILE, INCREMENT, READ, SPLIT_INCREMENT, Case, Scale

ONE = Scale(rounds=1, audited=5, audited_calls=3)
APPENDING = Case(APPEND, 64)


class Forgetful:
    """Keeps a counter that callers read, and write back later."""

    def __init__(self) -> None:
        self._counter = 0
        self.calls: Mapping[str, Call] = {SPLIT_INCREMENT: self._increment}

    async def begin(self, session_ids: Sequence[str]) -> None:
        pass

    async def fill(self, sessions: int) -> None:
        pass

    async def kept(self, session_id: str) -> Kept:
        return Kept(counter=self._counter)

    async def settings(self) -> str:
        return "none"

    async def _increment(self, session_id: str, number: int) -> bool:
        read = self._counter
        await asyncio.sleep(0)
        self._counter = read + 1
        return number != 0


async def test_lost_and_refused_writes_are_counted() -> None:
    """Of 15 increments by 5 callers in step, 3 remain; one was refused, so 11 are lost."""
    (tally,) = await audit("forgetful", Forgetful(), ONE)
    assert (tally.asked, tally.refused, tally.acknowledged) == (15, 1, 14)
    assert (tally.found, tally.lost) == (3, 11)


@pytest.mark.parametrize("entrant", entrants([]), ids=lambda entrant: entrant.name)
async def test_our_stores_keep_all_that_they_acknowledged(entrant: Entrant, tmp_path: Path) -> None:
    """Turns and increments of concurrent callers are all there."""
    async with entrant.open(tmp_path) as contender:
        tallies = await audit(entrant.name, contender, ONE)
    assert [(tally.work, tally.acknowledged, tally.found) for tally in tallies] == [
        (APPEND, 15, 15),
        (INCREMENT, 15, 15),
    ]


async def test_the_plain_driver_commits_as_durably_as_we_do(tmp_path: Path) -> None:
    """The floor says of its connection what our store sets."""
    async with aiosqlite_driver.open_in(tmp_path) as contender:
        assert "journal_mode=wal, synchronous=2" in await contender.settings()
        assert all(tally.lost == 0 for tally in await audit("plain", contender, ONE))
    with closing(sqlite3.connect(tmp_path / "plain.db")) as connection:
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (30,)


async def test_one_that_fails_is_left_out_and_named() -> None:
    """The others have all their rounds."""

    async def well() -> float:
        return 2.0

    async def badly() -> float:
        raise ExceptionGroup("callers", [OSError("disk full\nat once")])

    failures: dict[str, str] = {}
    rates = await interleave({"well": well, "badly": badly}, rounds=2, failures=failures)
    assert rates == {"well": (2.0, 2.0)}
    assert failures == {"badly": "OSError: disk full"}


async def test_nobody_follows_the_same_one_in_every_round() -> None:
    """What one leaves to be done, a disk that is still writing, falls on others each time."""
    order: list[str] = []

    async def turn(name: str) -> float:
        order.append(name)
        return 1.0

    names = [f"{number}" for number in range(12)]
    turns = {name: partial(turn, name) for name in names}
    rates = await interleave(turns, rounds=5, failures={})
    assert {len(measured) for measured in rates.values()} == {5}
    rounds = [order[first : first + 12] for first in range(0, 72, 12)]
    assert [sorted(each) for each in rounds] == [sorted(names)] * 6
    before = {
        name: {pair[0] for each in rounds for pair in pairwise(each) if pair[1] == name}
        for name in names
    }
    assert all(len(those) >= 3 for those in before.values()), before


def test_of_two_each_is_first_in_every_second_round() -> None:
    """So that being first, or coming after the other, is no advantage."""
    firsts = [in_order(["one", "other"], number)[0] for number in range(6)]
    assert firsts.count("one") == firsts.count("other") == 3


async def test_only_what_was_done_counts() -> None:
    """A refused call is none in the rate; callers share out the sessions among them."""
    seen: dict[str, set[str]] = {}

    async def call(session_id: str, number: int) -> bool:
        task = asyncio.current_task()
        assert task is not None
        seen.setdefault(task.get_name(), set()).add(session_id)
        await asyncio.sleep(0)
        return False

    assert await rate(call, ["a", "b", "c"], callers=2, seconds=0.01) == 0
    assert sorted(map(sorted, seen.values())) == [["a", "c"], ["b"]]


def test_the_targets_stand_beside_the_ratios_that_they_are_set_for() -> None:
    """A ratio under its target is not reached; what did nothing in a round has no ratio."""
    ours, *_ = entrants(["sqlite:///any.db"])
    peers = [Entrant(name, FILE, "p", aiosqlite_driver.open_in) for name in (OPENAI_SQLITE, "idle")]
    rates = {
        (ours.name, APPENDING): (8.0, 9.0, 10.0),
        (ours.name, Case(APPEND, 1)): (4.0, 3.0, 5.0),
        (OPENAI_SQLITE, APPENDING): (2.0, 2.0, 2.0),
        ("idle", APPENDING): (1.0, 0.0, 1.0),
    }
    against_peer, against_itself = compare(rates, [ours, *peers])
    assert (against_peer.ratio, against_peer.target, against_peer.reached) == (4.5, 5.0, False)
    assert (against_itself.ratio, against_itself.against) == (2.0, Case(APPEND, 1))
    assert against_itself.as_json()["reached"] is None


def test_an_axis_takes_in_all_ratios_and_one() -> None:
    """Equal factors are equally far apart, and no axis has too many marks."""
    axis = RatioAxis.over([0.3, 45.0], low=0, high=100)
    assert (axis.least, axis.most) == (0.2, 50.0)
    assert axis.at(10) - axis.at(1) == pytest.approx(axis.at(20) - axis.at(2))
    assert 1.0 in axis.marks
    assert len(RatioAxis.over([0.001, 1000.0], low=0, high=1).marks) <= 9


def test_plots_name_what_they_show() -> None:
    """Names are written out, and escaped; the plot of all work leaves out 256 callers."""
    made = [
        Comparison("holdfast sqlite", "<peer>", FILE, case, case, (4.0, 6.0), (2.0, 2.0))
        for case in (APPENDING, Case(APPEND, 256), Case(READ, 64))
    ]
    assert "&lt;peer&gt;  2.50x" in by_callers(made)
    drawn = by_work(made)
    assert "append a turn, 64 callers" in drawn
    assert "256" not in drawn
