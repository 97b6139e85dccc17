"""Runs: begun, streamed, ended in one way or another, and taken again."""

import asyncio
import types
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import aclosing
from typing import Any

import pytest

from holdfast import Change, InvalidSession, LeaseLost, SupportSession
from holdfast.support import (
    Answer,
    AnswerUnavailable,
    EngineEvent,
    Failed,
    Finished,
    Incoming,
    Run,
    SupportAgent,
    TextDelta,
    TextWithdrawn,
    Turn,
)
from holdfast.support.knowledge import Knowledge
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine

PERSON = "I would like to talk to a person, please."


class HeldEngine:
    """Tells half of an answer, and the rest when it is let go."""

    def __init__(self) -> None:
        self.half_told = asyncio.Event()
        self.let_go = asyncio.Event()
        self.closed = 0

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        try:
            yield TextDelta("one")
            self.half_told.set()
            await self.let_go.wait()
            yield TextDelta(" two")
            yield Finished(Answer(text="one two"))
        finally:
            self.closed += 1


def said(text: str = "hello", client_id: str | None = "c-1") -> Incoming:
    return Incoming(text=text, client_message_id=client_id)


async def read(run: Run) -> list[EngineEvent]:
    async with aclosing(run.events()) as events:
        return [event async for event in events]


async def contents(agent: SupportAgent, session_id: str) -> list[str]:
    return [message.content for message in (await agent.messages(session_id)).messages]


async def fresh(store: Store, session_id: str) -> SupportSession:
    session = await store.get(session_id, fresh=True)
    assert session is not None
    return session


async def test_a_run_stores_tells_and_completes(store: Store, knowledge: Knowledge) -> None:
    """The message is stored before the engine is asked; the answer ends the run in one change."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said()) as run:
        begun = await fresh(store, session_id)
        assert (begun.message_count, begun.revision) == (1, 2)
        assert begun.run is not None
        assert (begun.run.run_id, begun.run.state) == (run.run_id, "running")
        assert begun.run.message_id == run.asked.message.id
        assert await contents(agent, session_id) == ["hello"]
        assert await read(run) == [
            TextDelta("re: "),
            TextDelta("hello"),
            Finished(Answer(text="re: hello")),
        ]
        assert run.text == "re: hello"
        answer = await run.complete()
    assert (answer.message, answer.number, answer.message_count) == ("re: hello", 2, 1)
    ended = await fresh(store, session_id)
    assert (ended.run, ended.revision) == (None, 3)
    assert await agent.examine(session_id) is None


async def test_a_message_is_accepted_while_another_is_answered(
    store: Store, knowledge: Knowledge
) -> None:
    """Storing waits for no turn; what is accepted is answered later, and counted once."""
    engine = HeldEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    first = asyncio.create_task(agent.process_message(session_id, "a", client_message_id="a"))
    await engine.half_told.wait()
    accepted = await agent.accept(session_id, said("b", "b"))
    again = await agent.accept(session_id, said("b", "b"))
    assert (accepted.number, accepted.duplicate, accepted.answered) == (2, False, False)
    assert again == accepted._replace(duplicate=True)
    assert [one.content for one in await agent.unanswered(session_id)] == ["a", "b"]
    engine.let_go.set()
    await first
    async with agent.run(session_id, said("b", "b")) as run:
        assert run.asked.message.id == accepted.message_id
        await read(run)
        answer = await run.complete()
    assert (answer.message_count, answer.metadata["user_number"]) == (2, 2)
    assert await contents(agent, session_id) == ["a", "b", "one two", "one two"]
    assert (await agent.accept(session_id, said("b", "b"))).answered
    assert await agent.unanswered(session_id) == ()


async def test_copies_accepted_at_once_are_stored_once(store: Store, knowledge: Knowledge) -> None:
    """Ten copies of a message, none waiting for another: one is new, all name the same message."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    copies = await asyncio.gather(*(agent.accept(session_id, said()) for _ in range(10)))
    assert sorted(copy.duplicate for copy in copies) == [False] + [True] * 9
    assert len({(copy.message_id, copy.number) for copy in copies}) == 1
    assert await contents(agent, session_id) == ["hello"]
    assert (await fresh(store, session_id)).message_count == 1


async def test_a_stopped_run_keeps_what_was_told(store: Store, knowledge: Knowledge) -> None:
    """The text so far is the answer, marked as stopped; nothing is left to be answered."""
    engine = HeldEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said()) as run:
        async with aclosing(run.events()) as events:
            assert await anext(events) == TextDelta("one")
        assert engine.closed == 1
        stopped = await run.cancel()
    assert (stopped.message, stopped.metadata["outcome"]) == ("one", "stopped")
    page = await agent.messages(session_id)
    assert [(one.content, one.outcome) for one in page.messages] == [
        ("hello", None),
        ("one", "stopped"),
    ]
    assert (await fresh(store, session_id)).run is None
    assert await agent.unanswered(session_id) == ()


async def test_any_worker_can_ask_a_run_to_stop(store: Store, knowledge: Knowledge) -> None:
    """The request reaches whoever runs it; a run that is over cannot be stopped."""
    engine = HeldEngine()
    agent, other = (SupportAgent(store, knowledge, engine) for _ in range(2))
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said()) as run:
        asked = asyncio.create_task(run.until_stopped())
        assert not await other.request_stop(session_id, "another-run")
        assert await other.request_stop(session_id, run.run_id)
        await asyncio.wait_for(asked, 5)
        await run.cancel()
    assert not await other.request_stop(session_id, run.run_id)


async def test_an_interrupted_run_is_taken_again(store: Store, knowledge: Knowledge) -> None:
    """A block that is left without an end marks the run; the next one stores nothing twice."""
    engine = HeldEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    task = asyncio.create_task(agent.process_message(session_id, "hello"))
    await engine.half_told.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    mark = await agent.examine(session_id)
    assert mark is not None
    assert (mark.state, mark.reason) == ("interrupted", "The answer was interrupted.")
    engine.let_go.set()
    async with agent.run(session_id, await agent.stored(session_id, mark.message_id)) as run:
        assert run.run_id != mark.run_id
        await read(run)
        answer = await run.complete()
    assert (answer.message_count, answer.metadata["user_message_id"]) == (1, mark.message_id)
    assert await contents(agent, session_id) == ["hello", "one two"]
    assert await agent.examine(session_id) is None


async def test_a_run_whose_process_is_gone_is_found_interrupted(
    store: Store, knowledge: Knowledge
) -> None:
    """A run that is marked as running while nobody holds the session was interrupted."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said()) as run:
        running = await agent.examine(session_id)
        assert running is not None
        assert running.state == "running"
        mark = (await fresh(store, session_id)).run
        await read(run)
        await run.complete()
    # As a process leaves it that is killed: the mark is there, the lease is not.
    await store.apply(session_id, Change(set={"run": mark}))
    first, again = [await agent.examine(session_id) for _ in range(2)]
    assert first is not None
    assert (first.run_id, first.state) == (run.run_id, "interrupted")
    assert first == again == (await fresh(store, session_id)).run


async def test_a_run_that_lost_its_session_changes_nothing(
    store: Store, knowledge: Knowledge
) -> None:
    """Whoever took the session over goes on; the old run can neither answer nor mark."""
    engine = HeldEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id

    async def take_over() -> None:
        async with store.lease(session_id, steal=True):
            return

    async def answer_too_late() -> None:
        async with agent.run(session_id, said()) as run:
            engine.let_go.set()
            await read(run)
            await asyncio.create_task(take_over())
            await run.complete()

    with pytest.raises(LeaseLost):
        await answer_too_late()
    assert await contents(agent, session_id) == ["hello"]
    found = await agent.examine(session_id)
    assert found is not None
    assert found.state == "interrupted"
    assert (await agent.process_message(session_id, "hello", client_message_id="c-1")).number == 2


async def test_a_failed_run_says_why_and_can_be_taken_again(
    store: Store, knowledge: Knowledge
) -> None:
    """The message is kept, the mark has a sentence for the visitor, the next run answers."""
    failed = Failed("status 429", "The assistant is very busy.", 7.0)
    agent = SupportAgent(store, knowledge, ScriptedEngine(failures=[failed]))
    session_id = (await store.create()).session_id
    with pytest.raises(AnswerUnavailable, match="very busy") as caught:
        await agent.process_message(session_id, "hello", client_message_id="c-1")
    assert caught.value.retry_after == 7.0
    mark = await agent.examine(session_id)
    assert mark is not None
    assert (mark.state, mark.reason) == ("failed", "The assistant is very busy.")
    assert mark.message_id == caught.value.message_id
    assert mark.retryable
    await agent.process_message(session_id, "hello", client_message_id="c-1")
    assert await agent.examine(session_id) is None


async def test_a_run_of_an_answered_message_has_nothing_to_do(
    store: Store, knowledge: Knowledge
) -> None:
    """Its stored answer is there at once, and stays as it is."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    first = await agent.process_message(session_id, "hello", client_message_id="c-1")
    before = await fresh(store, session_id)
    async with agent.run(session_id, said()) as run:
        assert run.replayed is not None
        assert run.replayed.message_id == first.message_id
    assert await fresh(store, session_id) == before


async def test_a_request_for_a_person_asks_no_engine(store: Store, knowledge: Knowledge) -> None:
    """There is nothing to stream; the hand-over is told when the run completes."""
    engine = ScriptedEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said(PERSON)) as run:
        assert await read(run) == []
        answer = await run.complete()
    assert answer.ticket_id is not None
    assert engine.turns == []


async def test_an_answer_is_not_made_up(store: Store, knowledge: Knowledge) -> None:
    """Completing a run whose engine was not heard to the end is an error of the caller."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id

    async def complete_at_once() -> None:
        async with agent.run(session_id, said()) as run:
            await run.complete()

    with pytest.raises(RuntimeError, match="read to its end"):
        await complete_at_once()
    assert await contents(agent, session_id) == ["hello"]


async def test_a_withdrawn_remark_is_not_part_of_the_text(
    store: Store, knowledge: Knowledge
) -> None:
    """What was told before a tool call is gone from the text so far."""

    class Remarking:
        async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
            yield TextDelta("Let me check.")
            yield TextWithdrawn("Let me check.")
            yield TextDelta("Yes.")
            yield Finished(Answer(text="Yes."))

    agent = SupportAgent(store, knowledge, Remarking())
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said()) as run:
        await read(run)
        assert run.text == "Yes."
        await run.complete()


async def test_the_engine_is_told_what_came_before_its_message(
    store: Store, knowledge: Knowledge
) -> None:
    """Messages that wait behind this one are not part of its past; their answers neither."""
    engine = ScriptedEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    for text in "abc":
        await agent.accept(session_id, said(text, text))
    for text in "bac":
        await agent.process_message(session_id, text, client_message_id=text)
    told = {turn.text: [one.text for one in turn.history] for turn in engine.turns}
    assert told == {"a": [], "b": ["a"], "c": ["a", "b", "re: b", "re: a"]}


async def test_a_message_that_is_not_there_cannot_be_taken_again(
    store: Store, knowledge: Knowledge
) -> None:
    """Neither an unknown id nor that of an answer names a message of the visitor."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    answer = await agent.process_message(session_id, "hello")
    for message_id in ("unknown", answer.message_id):
        with pytest.raises(InvalidSession, match="message_id"):
            await agent.stored(session_id, message_id)


async def test_a_turn_can_be_cancelled_at_every_step(store: Store, knowledge: Knowledge) -> None:
    """Wherever it was cut off, taking it again stores the message once and answers it once."""
    engine = ScriptedEngine()
    agent = SupportAgent(store, knowledge, engine)
    marks: set[str | None] = set()
    for step in range(1, 100):
        session_id = (await store.create()).session_id
        turn = agent.process_message(session_id, "hello", client_message_id="c-1")
        task = asyncio.create_task(stepping(turn, step))
        await asyncio.gather(task, return_exceptions=True)
        left = (await fresh(store, session_id)).run
        marks.add(left.state if left else None)
        answer = await agent.process_message(session_id, "hello", client_message_id="c-1")
        assert (answer.message, answer.message_count) == ("re: hello", 1)
        assert await contents(agent, session_id) == ["hello", "re: hello"]
        assert (await fresh(store, session_id)).run is None
        assert engine.at_once == 0
        if not task.cancelled():
            break
    else:
        pytest.fail("a turn has no end")
    assert {None, "interrupted"} <= marks


async def stepping(work: Coroutine[Any, Any, Any], step: int) -> None:
    await cancelled_at(work, step)


@types.coroutine
def cancelled_at(work: Coroutine[Any, Any, Any], step: int) -> Generator[Any, Any, Any]:
    """Run a coroutine, and cancel its task the `step`th time that it waits for something."""
    resume: Callable[[Any], Any] = work.send
    given: Any = None
    waited = 0
    while True:
        try:
            future = resume(given)
        except StopIteration as stop:
            return stop.value
        waited += 1
        task = asyncio.current_task()
        if waited == step and task is not None:
            asyncio.get_running_loop().call_soon(task.cancel)
        try:
            given, resume = (yield future), work.send
        except BaseException as exc:  # noqa: BLE001 - whatever comes is handed on
            given, resume = exc, work.throw
