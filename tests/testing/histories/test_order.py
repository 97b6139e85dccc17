"""The exact check: small histories by hand, the shortest failing beginning, and its effort."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from holdfast.testing.histories import Event, History, Kind, check, check_order
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.linearizability import Search
from holdfast.testing.histories.partition import Partition
from tests.testing.histories.simulation import Plan, simulate

MS = 1_000_000


class Script:
    """A history of one session, written by hand; times are milliseconds."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.did(0, 1, "create", snapshot(1, visits=0))

    def did(
        self, begin: float, end: float | None, kind: Kind, answer: Any = None, **request: Any
    ) -> "Script":
        """Add a call; without an end it has no answer."""
        number = len(self.events) + 1
        self.events.append(
            Event(
                number=number,
                process="p",
                caller=f"c{number}",
                kind=kind,
                session="s",
                request=request,
                begin=int(begin * MS),
                end=NEVER if end is None else int(end * MS),
                outcome="unknown" if end is None else "ok",
                answer=answer,
            )
        )
        return self

    @property
    def has_order(self) -> bool:
        (order,) = check_order(History(self.events)).values()
        assert not order.undecided
        return order.finding is None


def snapshot(revision: int, *, visits: int) -> dict[str, Any]:
    return {
        "incarnation": "i", "revision": revision, "integers": {"visits": visits}, "values": {}
    }  # fmt: skip


def test_calls_at_the_same_time_may_come_in_either_order() -> None:
    """A read during an increment may see it or not."""
    for visits in (0, 1):
        script = Script().did(2, 9, "increment", 1, name="visits")
        assert script.did(3, 8, "get", snapshot(1 + visits, visits=visits)).has_order


def test_a_later_read_must_see_what_was_acknowledged() -> None:
    """A read that begins after an increment was answered must see it."""
    script = Script().did(2, 3, "increment", 1, name="visits")
    assert not script.did(4, 5, "get", snapshot(1, visits=0)).has_order


def test_two_reads_agree_on_the_order_of_two_changes() -> None:
    """Of two overlapping reads one after the other, the later is not the older."""
    script = Script().did(2, 20, "increment", 1, name="visits")
    script.did(3, 5, "get", snapshot(2, visits=1))
    assert not script.did(6, 8, "get", snapshot(1, visits=0)).has_order


def test_an_unanswered_call_may_take_effect_much_later() -> None:
    """Long after its caller gave up, a read first misses it and then sees it."""
    script = Script().did(2, None, "increment", name="visits")
    script.did(100, 101, "get", snapshot(1, visits=0))
    assert script.did(200, 201, "get", snapshot(2, visits=1)).has_order


def test_an_unanswered_call_may_never_take_effect_and_never_twice() -> None:
    """One lost increment explains a counter of 0 or 1, and not of 2."""
    for visits, explained in ((0, True), (1, True), (2, False)):
        script = Script().did(2, None, "increment", name="visits")
        script.did(100, 101, "get", snapshot(1 + visits, visits=visits))
        assert script.has_order is explained


def test_an_unanswered_deletion_may_have_ended_a_lease() -> None:
    """So that its holder finds nothing to give back, or is told that it is lost."""
    held = {"token": "t", "fence": 9}
    script = Script().did(2, 3, "acquire", held, ttl=10, wait=0).did(4, None, "delete")
    assert script.did(5, 6, "release", False, token="t").has_order
    script = Script().did(2, 3, "acquire", held, ttl=10, wait=0).did(4, None, "delete")
    script.did(5, 6, "renew", token="t", ttl=1)
    script.events[-1] = replace(script.events[-1], outcome="refused", error="LeaseLost")
    assert script.has_order


def test_a_call_cannot_take_effect_before_it_began() -> None:
    """Not even one whose answer was lost."""
    script = Script().did(2, 3, "get", snapshot(2, visits=1))
    assert not script.did(4, None, "increment", name="visits").has_order


@pytest.mark.parametrize("created", [True, False])
def test_of_two_who_get_or_create_one_creates(created: bool) -> None:
    """The other one is answered with what the first one made."""
    script = Script().did(2, 3, "delete", True)
    made = {"incarnation": "j", "revision": 1, "integers": {}, "values": {"topic": "first"}}
    other = {**made, "incarnation": "k", "values": {"topic": "second"}} if created else made
    script.did(4, 9, "get_or_create", made, values={"topic": "first"})
    script.did(5, 8, "get_or_create", other, values={"topic": "second"})
    assert script.has_order is not created


def test_a_batch_is_a_read_of_each_of_its_sessions() -> None:
    """One that is a revision behind is found, and so is one that is not there."""
    for answer, sound in ((snapshot(2, visits=1), True), (snapshot(1, visits=0), False)):
        script = Script().did(2, 3, "increment", 1, name="visits")
        script.did(4, 5, "get_batch", [["s", answer], ["t", None]], sessions=["s", "t"])
        script.events[-1] = replace(script.events[-1], session="*")
        orders = check_order(History(script.events))
        assert [order.finding is None for order in orders.values()] == [sound, True]


def test_a_finding_is_the_shortest_beginning_without_an_order() -> None:
    """What comes after the impossible answer is not shown, and a person can read it."""
    script = Script().did(2, 3, "increment", 1, name="visits")
    script.did(4, 5, "get", snapshot(1, visits=0))
    for later in range(10, 40, 2):
        script.did(later, later + 1, "get", snapshot(2, visits=1))
    (finding,) = (
        each for each in check(History(script.events)).findings if each.kind == "no_order"
    )
    assert [event.number for event in finding.events] == [1, 2, 3]
    told = str(finding)
    assert "2.000 … 3.000 ms  p/c2  increment" in told
    assert "after which the session is at revision 2 (visits 1, last item 0)" in told
    assert "With the answer to p/c3 no order agrees." in told


def test_a_search_that_runs_out_of_steps_says_so() -> None:
    """Undecided is neither a finding nor a pass."""
    script = Script().did(2, 3, "increment", 1, name="visits")
    verdict = check(History(script.did(4, 5, "get", snapshot(2, visits=1)).events), budget=1)
    assert (verdict.undecided, verdict.exact, verdict.ok) == (("s",), 0, True)
    assert "undecided for 1" in str(verdict)


def test_a_session_beyond_the_exact_check_is_checked_in_linear_time() -> None:
    """With more than 20 calls at once no order is looked for; a stale read is still found."""
    script = Script().did(2, 3, "increment", 1, name="visits")
    for _ in range(21):
        script.did(4, 5, "get", snapshot(2, visits=1))
    script.did(6, 7, "get", snapshot(1, visits=0))
    verdict = check(History(script.events))
    assert verdict.exact == 0
    assert "stale_read" in verdict.kinds


@pytest.mark.parametrize("unanswered", [0.0, 0.05])
def test_two_thousand_operations_of_twenty_callers_take_few_steps(unanswered: float) -> None:
    """About ten steps an operation, so that a session takes a fraction of a second."""
    plan = Plan(seed=2, operations=1950, callers=20, wild=(), unanswered=unanswered)
    history = asyncio.run(simulate(plan))
    partition = Partition("calm", history.sessions()["calm"], max_items=12)
    found = Search(partition.acts, max_items=12).run()
    assert found.answer == "yes"
    assert found.steps < 30 * len(history)


def test_a_change_is_remembered_with_the_answer_that_it_was_given() -> None:
    """Orders that differ in nothing else are two: the repetition tells which it was."""
    script = Script().did(2, None, "append", items=["a"])
    script.did(3, None, "apply", append=["x"], change_id="x")
    script.did(4, None, "apply", set={"mood": "good"})
    script.did(6, 7, "get", {**snapshot(4, visits=0), "values": {"mood": "good"}})
    script.did(10, 11, "clear_items").did(12, 13, "items", [])
    script.did(14, 15, "claim", True, flag="closed")
    first = {"first_item": 1, "last_item": 1, "replayed": True}
    answer = {"incarnation": "i", "revision": 3, "integers": {}, **first}
    assert script.did(16, 17, "apply", answer, append=["x"], change_id="x").has_order


def test_who_puts_a_snapshot_in_place_is_told_of_the_log_as_it_is() -> None:
    """The number of its last item, as after any other change."""
    for last, sound in ((2, True), (1, False)):
        script = Script().did(2, 3, "append", 2, items=["a", "b"])
        told = {"first_item": None, "last_item": last, "replayed": False}
        answer: dict[str, Any] = {"incarnation": "i", "revision": 3, "integers": {}, **told}
        script.did(4, 5, "set", answer, revision=2, incarnation="i", integers={}, values={})
        assert script.has_order is sound
