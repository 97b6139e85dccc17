"""Answers of a model's service as they arrive, and as they fail to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from holdfast import InMemorySessionStore, SupportSession
from holdfast.support import (
    AnswerUnavailable,
    EngineEvent,
    Failed,
    Finished,
    SourcesCited,
    SupportAgent,
    TextDelta,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    Turn,
    Usage,
)
from holdfast.support.engines import EngineSettings, open_engine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.fake_openai import FakeOpenAI, Reply, failure, serving, text, tool_call

QUESTION = "What is the price of a kayak?"
LONG = "A kayak costs 12 euros an hour and 50 euros a day [1]. Bring your passport."


@pytest.fixture
async def service() -> AsyncIterator[FakeOpenAI]:
    async with serving() as fake:
        yield fake


def settings(service: FakeOpenAI, **given: object) -> EngineSettings:
    return EngineSettings.model_validate(
        {
            "provider": "compatible",
            "model": "fake-1",
            "base_url": service.base_url,
            "max_retries": 0,
            **given,
        }
    )


def turn(knowledge: Knowledge) -> Turn:
    return Turn(text=QUESTION, history=(), library=Library(knowledge))


async def told(
    service: FakeOpenAI, knowledge: Knowledge, *script: Reply, **given: object
) -> list[EngineEvent]:
    service.script += script
    async with open_engine(settings(service, **given)) as engine:
        return [event async for event in engine.stream(turn(knowledge))]


def joined(events: list[EngineEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_an_answer_is_told_piece_by_piece(service: FakeOpenAI, knowledge: Knowledge) -> None:
    """Tool calls, text in pieces, sources, and the whole answer with what it took."""
    events = await told(
        service,
        knowledge,
        tool_call("search_knowledge", said="Let me look.", question=QUESTION),
        text(LONG),
    )
    kinds = [type(event) for event in events]
    assert kinds.index(TextWithdrawn) < kinds.index(ToolStarted) < kinds.index(ToolFinished)
    assert kinds.count(TextDelta) > 8
    after = events[kinds.index(TextWithdrawn) + 1 :]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert joined(after) == finished.answer.text == LONG
    assert events[-2] == SourcesCited(finished.answer.sources)
    assert [source.title for source in finished.answer.sources] == ["Rent a kayak"]
    assert finished.usage == Usage(requests=2, input_tokens=14, output_tokens=6)
    assert all(request["stream"] for request in service.requests)


async def test_the_first_words_do_not_wait_for_the_last(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """Text is told as it comes; whoever stops reading stops the service too."""
    service.script.append(text(LONG * 100, between=0.02))
    async with (
        open_engine(settings(service)) as engine,
        aclosing(engine.stream(turn(knowledge))) as events,
    ):
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert 0 < service.told < 200
    await asyncio.wait_for(service.left.wait(), 5)


@pytest.mark.parametrize("end", ["cut", "silent", "error"])
async def test_a_stream_that_breaks_off_is_a_failure(
    service: FakeOpenAI, knowledge: Knowledge, end: str
) -> None:
    """Half an answer is never passed off as a whole one; the last event says what happened."""
    events = await told(service, knowledge, text(LONG, end=end, at_piece=4))
    assert joined(events)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.message == "The connection to the assistant broke off."
    assert "secret" not in repr(failed)


async def test_an_answer_that_grew_too_long_says_so(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """What the model had to cut off ends with an ellipsis."""
    events = await told(service, knowledge, text("One and", reason="length"))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.answer.text == joined(events) == "One and …"


async def test_a_stream_that_stalls_costs_the_timeout(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """The deadline is for the whole answer, also where pieces keep coming."""
    began = asyncio.get_running_loop().time()
    events = await told(service, knowledge, text(LONG * 100, between=0.05), timeout=0.3)
    assert asyncio.get_running_loop().time() - began < 5
    assert joined(events)
    assert events[-1] == Failed(
        "no answer within 0.3 s", "The assistant did not answer in time.", None
    )


async def test_a_slow_reader_is_not_stopped_by_the_deadline(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """The timeout runs out on the engine; the task that reads is never cancelled by it."""
    service.script.append(text(LONG))
    async with open_engine(settings(service, timeout=0.1)) as engine:
        events: list[EngineEvent] = []
        async for event in engine.stream(turn(knowledge)):
            events.append(event)
            await asyncio.sleep(0.02)
    assert isinstance(events[-1], Failed)


@pytest.mark.parametrize(
    ("reply", "message", "retry_after"),
    [
        (failure(429, retry_after="7"), "The assistant is very busy at the moment.", 7.0),
        (failure(503), "The assistant cannot be reached at the moment.", None),
        (failure(401), "The assistant is not available at the moment.", None),
    ],
)
async def test_a_refusal_is_told_in_a_sentence(
    service: FakeOpenAI,
    knowledge: Knowledge,
    reply: Reply,
    message: str,
    retry_after: float | None,
) -> None:
    """The visitor is told what is the matter, without what the service said."""
    [failed] = await told(service, knowledge, reply)
    assert isinstance(failed, Failed)
    assert (failed.message, failed.retry_after) == (message, retry_after)
    assert str(reply.status) in failed.reason


async def test_what_a_turn_may_take_is_bounded(service: FakeOpenAI, knowledge: Knowledge) -> None:
    """A run that took more tokens than it may is ended before it asks for more."""
    search = tool_call("search_knowledge", question="kayak")
    events = await told(
        service,
        knowledge,
        replace(search, tokens=600),
        replace(search, tokens=600),
        max_turn_tokens=1000,
    )
    assert len(service.requests) == 2
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert "tokens" in failed.reason


async def test_azure_is_asked_by_deployment(service: FakeOpenAI, knowledge: Knowledge) -> None:
    """The deployment is in the path, the version in the query, the key in Azure's own header."""
    endpoint = service.base_url.removesuffix("/v1")
    events = await told(
        service,
        knowledge,
        text("Hello!"),
        provider="azure",
        base_url=endpoint,
        api_key="k",
        api_version="2026-01-01",
    )
    assert joined(events) == "Hello!"
    assert service.queries == [b"api-version=2026-01-01"]
    assert service.headers[0][b"api-key"] == b"k"


async def test_a_run_cut_off_by_its_service_is_taken_again(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """Through the whole agent: the message is kept once, the next run answers it whole."""
    service.script += [text("Half an answer", end="cut", at_piece=2), text("All of it.")]
    async with (
        InMemorySessionStore(model=SupportSession) as store,
        open_engine(settings(service)) as engine,
    ):
        agent = SupportAgent(store, knowledge, engine)
        session_id = (await store.create()).session_id
        with pytest.raises(AnswerUnavailable, match="broke off"):
            await agent.process_message(session_id, QUESTION, client_message_id="c-1")
        mark = await agent.examine(session_id)
        assert mark is not None
        assert mark.state == "failed"
        async with agent.run(session_id, await agent.stored(session_id, mark.message_id)) as run:
            async with aclosing(run.events()) as events:
                assert joined([event async for event in events]) == "All of it."
            answer = await run.complete()
        assert (answer.number, answer.message_count) == (2, 1)
