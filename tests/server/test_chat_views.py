"""A reader is told of a run from its start to its end, however far the room has read."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from holdfast import open_store
from holdfast.server.conversation.drafting import Draft
from holdfast.server.conversation.rooms import Parts, Progress, Room
from holdfast.server.conversation.runs import Runs
from holdfast.server.conversation.views import View
from holdfast.server.model import ServiceSession
from holdfast.support import SupportAgent
from tests.support.scripted_engine import ScriptedEngine

ASKED = {"kind": "message", "id": "m1", "role": "user", "content": "Hello?"}
ANSWER = {
    "kind": "message", "id": "a1", "role": "assistant", "content": "Hello",
    "reply_to": "m1", "run_id": "r1",
}  # fmt: skip
RUNNING = Progress(
    1, "r1", "m1", None, "running", "", Draft(run_id="r1", beat=1, status="writing", text="Hel")
)
FINISH = ["delta", "message", "run.finished"]


@pytest.fixture
async def room() -> AsyncGenerator[Room]:
    """A room that has read a question and its run, while the store has the answer already."""
    async with open_store("memory:", model=ServiceSession) as store:
        session_id = (await store.create()).session_id
        agent = SupportAgent(store, None, ScriptedEngine())  # type: ignore[arg-type]
        room = Room(session_id, Parts(store, agent, Runs(agent)))
        await store.append(session_id, ASKED)
        await room.recent.read_on()
        room.progress = RUNNING
        await store.append(session_id, ANSWER)
        yield room


async def told(view: View) -> list[str]:
    """Give what is told before there is nothing for a moment."""
    kinds: list[str] = []
    async with aclosing(view.frames(pause=0)) as frames:
        async for frame in frames:
            if frame is None:
                break
            kinds.append(frame.type)
    return kinds


def reading(room: Room, *, number: int, replayed: int = 2) -> View:
    return View(room, number=number, replayed=replayed, secret_hash=None)


async def test_a_run_whose_answer_the_reader_has_is_not_told(room: Room) -> None:
    """The room may not have read the answer yet."""
    view = reading(room, number=2)
    assert await told(view) == []
    await room.recent.read_on()
    assert await told(view) == []
    room.progress = None
    assert await told(view) == []


async def test_a_run_that_was_told_is_told_to_its_end(room: Room) -> None:
    """Also when its answer was in the store before the reader came."""
    view = reading(room, number=1)
    assert await told(view) == ["run.started", "status", "delta"]
    await room.recent.read_on()
    assert await told(view) == FINISH
    room.progress = None
    assert await told(view) == []


@pytest.mark.parametrize("number", [0, 1])
async def test_a_finished_run_does_not_begin_again(room: Room, number: int) -> None:
    """What the room knew of it before it read the answer is not told after the answer."""
    await room.recent.read_on()
    messages = ["message"] * (2 - number)
    assert await told(reading(room, number=number)) == messages
    kinds = await told(reading(room, number=1, replayed=1))
    assert kinds == ["run.started", *FINISH]
