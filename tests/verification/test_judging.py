"""What a round of `holdfast verify` comes to, by histories written by hand."""

from dataclasses import replace

import pytest

from holdfast.testing.histories import History
from holdfast.verification import Plan, Result
from holdfast.verification.judging import judge
from holdfast.verification.measuring import Measures
from holdfast.verification.plan import Suffered
from tests.testing.histories.test_order import Script, snapshot
from tests.testing.histories.test_repeats import refused


@pytest.mark.parametrize(("visits", "spending", "explained"), [(1, 1, True), (2, 0, False)])
def test_what_was_sent_twice_was_done_once_at_most(
    visits: int, spending: int, explained: bool
) -> None:
    """Of two unanswered additions to two counters, one cannot have been made twice."""
    script = Script().did(2, 9, "increment", name="visits")
    refused(script, "SessionNotFound", repeated=True)
    script.did(2, None, "increment", name="spending")
    seen = snapshot(3, visits=visits)
    seen["integers"]["spending"] = spending
    script.did(4, 5, "get", seen).did(6, 7, "delete", True)
    assert (not judge(History(script.events)).findings) is explained


def test_a_store_that_takes_a_sound_call_for_a_wrong_one_is_found() -> None:
    """The load asks for nothing that is invalid, so nothing may be refused as such."""
    script = Script().did(2, 3, "append", items=["a"])
    refused(script, "InvalidSession", repeated=False)
    script.did(4, 5, "get", snapshot(1, visits=0))
    (finding,) = judge(History(script.events)).findings
    assert (finding.kind, finding.session) == ("unexpected_error", "s")
    unavailable = [replace(each, error=each.error and "StoreUnavailable") for each in script.events]
    assert not judge(History(unavailable)).findings


def test_faults_that_were_wanted_and_never_done_are_told() -> None:
    """A run that broke nothing has not shown what happens when something breaks."""
    plan = Plan(url="redis://h", namespace="n", faults=frozenset({"cut", "kill", "half"}))
    result = Result(plan, Measures(0, 1.0), suffered=[Suffered("kill", 0, 1, 2)])
    assert ("not done", "cut, half: nobody was there to suffer it") in list(result.facts())
    result.suffered += [Suffered("cut", 0, 1, 2), Suffered("half", 0, 1, 2)]
    assert "not done" not in dict(result.facts())
