"""The programs about conversations, run for a short while: no fault may show."""

import pytest

from benchmarks.conversations.crowd import crowd
from benchmarks.conversations.kills import killed
from benchmarks.conversations.overhead import overhead
from benchmarks.conversations.visitor import Disagreement, Visitor, faults


@pytest.mark.slow
async def test_a_crowd_that_loses_its_line_loses_nothing() -> None:
    """What visitors were told is what the service has."""
    came_of_it = await crowd(visitors=30, turns=3, seed=7)
    assert came_of_it.faults == []
    assert came_of_it.sockets > 30


@pytest.mark.slow
async def test_a_killed_service_answers_everything_in_the_end() -> None:
    """Each message has one answer, at the first try or at a later one."""
    came_of_it = await killed(kills=1, visitors=3, seed=7)
    assert came_of_it.faults == []


async def test_a_turn_without_an_engine_is_measured() -> None:
    """On whatever store."""
    came_of_it = await overhead(turns=20, store="memory://")
    assert 0 < came_of_it.p50 < came_of_it.p95 < 1000


def message(number: int, role: str, **others: object) -> dict[str, object]:
    return {"type": "message", "number": number, "id": f"i{number}", "role": role, **others}


def test_what_went_wrong_is_found() -> None:
    """A gap, another's message, a message stored twice, an answer too many, a log that differs."""
    mine = message(1, "user", client_message_id="v1-0")
    for told in (message(2, "user", client_message_id="v1-0"), {**mine, "client_message_id": "x"}):
        with pytest.raises(Disagreement):
            Visitor("", "v1")._note(told)
    visitor = Visitor("", "v1")
    ack = {"type": "ack", "client_message_id": "v1-0", "message_id": "i1", "number": 1}
    visitor._note({**ack, "duplicate": False})
    with pytest.raises(Disagreement):
        visitor._note({**ack, "message_id": "i2", "duplicate": True})
    visitor._note(mine)
    stored = {name: value for name, value in mine.items() if name != "type"}
    assert faults(visitor, [stored], turns=1) == ["v1: 0 answers to 1 messages"]
    assert len(faults(visitor, [], turns=1)) == 2
