"""What a round of `holdfast verify` comes to, by histories written by hand."""

import pytest

from holdfast.testing.histories import History
from holdfast.verification.judging import judge
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
