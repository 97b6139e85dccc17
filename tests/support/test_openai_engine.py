"""Any service with OpenAI's interface, spoken to over the wire."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Span,
    Tracer,
    TracerProvider,
)
from pydantic import ValidationError
from pydantic_ai.models import instrumented

from holdfast import InMemorySessionStore, SupportSession
from holdfast.support import AnswerUnavailable, EngineFailed, Failed, Said, SupportAgent, Turn
from holdfast.support.engines import ConversingEngine, EngineSettings, open_engine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.fake_openai import FakeOpenAI, failure, serving, text, tool_call

QUESTION = "What is the price of a kayak?"
# The key of a service that runs in this test.
KEY = "not-a-secret"


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
            "api_key": KEY,
            "max_retries": 0,
            **given,
        }
    )


def turn(knowledge: Knowledge, *history: Said) -> Turn:
    return Turn(text=QUESTION, history=history, library=Library(knowledge))


async def test_a_tool_call_makes_the_round_trip(service: FakeOpenAI, knowledge: Knowledge) -> None:
    """The model calls the search, gets passages by number, and its citation becomes a source."""
    service.script += [
        tool_call("search_knowledge", said="Let me look that up.", question=QUESTION),
        text("A kayak costs 12 euros an hour [1]."),
    ]
    async with open_engine(settings(service)) as engine:
        answer = await engine.answer(turn(knowledge, Said("visitor", "Hi"), Said("agent", "Hello")))
    assert answer.text == "A kayak costs 12 euros an hour [1]."
    assert [source.title for source in answer.sources] == ["Rent a kayak"]
    assert answer.tools_used == ("search_knowledge",)
    assert 0 < answer.confidence <= 1
    first, second = service.requests
    assert [(one["role"], one["content"]) for one in first["messages"][-3:]] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", QUESTION),
    ]
    assert "search_knowledge" in {tool["function"]["name"] for tool in first["tools"]}
    told = json.loads(second["messages"][-1]["content"])
    assert second["messages"][-1]["role"] == "tool"
    assert isinstance(told["sufficient"], bool)
    assert told["passages"][0]["number"] == 1
    assert {passage["article"] for passage in told["passages"]} >= {"Rent a kayak"}


async def test_the_settings_reach_the_service(service: FakeOpenAI, knowledge: Knowledge) -> None:
    """Model, temperature, length, key and instructions are sent as set."""
    service.script.append(text("Hello!"))
    chosen = settings(service, temperature=0.7, max_tokens=99)
    async with open_engine(chosen) as engine:
        await engine.answer(turn(knowledge))
    [request] = service.requests
    assert (request["model"], request["temperature"]) == ("fake-1", 0.7)
    assert 99 in (request.get("max_tokens"), request.get("max_completion_tokens"))
    assert service.authorization == [f"Bearer {KEY}"]
    assert "Answer only from what the tools returned" in request["messages"][0]["content"]


async def test_an_answer_without_a_source_is_declined(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """What a model says after a search without citing it is not passed off as found."""
    service.script += [
        tool_call("search_knowledge", question="moons"),
        text("I do not know [7]. Shall I pass you to a person?"),
    ]
    async with open_engine(settings(service)) as engine:
        answer = await engine.answer(turn(knowledge))
    assert (answer.declined, answer.sources, answer.confidence) == (True, (), 0.0)
    assert answer.text == "I do not know. Shall I pass you to a person?"


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_an_error_of_the_service_is_an_engine_failure(
    service: FakeOpenAI, knowledge: Knowledge, status: int
) -> None:
    """The failure names the status, not what the service said."""
    service.script.append(failure(status))
    async with open_engine(settings(service)) as engine:
        with pytest.raises(EngineFailed, match=str(status)) as caught:
            await engine.answer(turn(knowledge))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (408, True), (429, True), (500, True)],
)
async def test_what_the_service_refuses_for_good_is_not_worth_repeating(
    service: FakeOpenAI, knowledge: Knowledge, status: int, *, retryable: bool
) -> None:
    """A wrong key stays wrong; a service that is busy or out comes back."""
    service.script.append(failure(status))
    async with open_engine(settings(service)) as engine:
        events = [event async for event in engine.stream(turn(knowledge))]
    assert isinstance(events[-1], Failed)
    assert events[-1].retryable is retryable


async def test_the_service_says_when_to_come_back(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """`Retry-After` of a refusal is handed on."""
    service.script.append(failure(429, retry_after="7"))
    async with open_engine(settings(service)) as engine:
        with pytest.raises(EngineFailed) as caught:
            await engine.answer(turn(knowledge))
    assert caught.value.retry_after == 7


async def test_a_passing_error_is_tried_again(service: FakeOpenAI, knowledge: Knowledge) -> None:
    """With retries allowed, a 429 and a 500 in a row are survived."""
    service.script += [failure(429, retry_after_ms="5"), failure(500, retry_after_ms="5")]
    service.script.append(text("Hello!"))
    async with open_engine(settings(service, max_retries=2)) as engine:
        answer = await engine.answer(turn(knowledge))
    assert answer.text == "Hello!"
    assert len(service.requests) == 3


async def test_a_silent_service_costs_the_timeout(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """The whole answer has one deadline, retries included."""
    service.script += [text("late", seconds=0.5)] * 5
    async with open_engine(settings(service, timeout=0.2, max_retries=3)) as engine:
        began = asyncio.get_running_loop().time()
        with pytest.raises(EngineFailed):
            await engine.answer(turn(knowledge))
        assert asyncio.get_running_loop().time() - began < 0.45


async def test_a_service_that_is_not_there_is_an_engine_failure(knowledge: Knowledge) -> None:
    """A refused connection ends the turn, not the agent."""
    async with serving() as gone:
        pass
    async with open_engine(settings(gone)) as engine:
        with pytest.raises(EngineFailed, match="could not be reached"):
            await engine.answer(turn(knowledge))


async def test_a_model_that_only_searches_is_stopped(
    service: FakeOpenAI, knowledge: Knowledge
) -> None:
    """Tool calls without end are a failure after a few requests."""
    service.script += [tool_call("search_knowledge", question="kayak")] * 20
    async with open_engine(settings(service)) as engine:
        with pytest.raises(EngineFailed, match="UsageLimitExceeded"):
            await engine.answer(turn(knowledge))
    assert len(service.requests) <= 8


async def test_a_visitor_can_try_again_after_an_error(
    service: FakeOpenAI, knowledge: Knowledge, caplog: pytest.LogCaptureFixture
) -> None:
    """Through the whole agent: an error keeps the message, the next try answers it."""
    service.script += [failure(500), text("Hello!")]
    async with (
        InMemorySessionStore(model=SupportSession) as store,
        open_engine(settings(service)) as engine,
    ):
        agent = SupportAgent(store, knowledge, engine)
        session_id = (await store.create()).session_id
        with caplog.at_level(logging.DEBUG, "holdfast"), pytest.raises(AnswerUnavailable):
            await agent.process_message(session_id, QUESTION, client_message_id="c-1")
        answer = await agent.process_message(session_id, QUESTION, client_message_id="c-1")
        assert (answer.message, answer.message_count) == ("Hello!", 1)
        assert (await agent.messages(session_id)).last_number == 2
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert "500" in told
    assert QUESTION not in told
    assert KEY not in told


@pytest.mark.parametrize("captured", [False, True])
async def test_spans_hold_what_people_write_only_if_asked(
    service: FakeOpenAI,
    knowledge: Knowledge,
    monkeypatch: pytest.MonkeyPatch,
    captured: bool,
) -> None:
    """Question, answer, passages and what the model looks up stay out of telemetry by default."""
    recorded = Recorder()
    monkeypatch.setattr(instrumented, "get_tracer_provider", lambda: recorded)
    service.script += [
        tool_call("search_knowledge", question=QUESTION),
        text("A kayak costs 12 euros an hour [1]."),
    ]
    async with open_engine(settings(service, capture_content=captured)) as engine:
        await engine.answer(turn(knowledge, Said("visitor", "My dog is called Rex")))
    told = " ".join(map(str, recorded.told))
    assert "fake-1" in told
    assert [content in told for content in (QUESTION, "12 euros", "Rex")] == [captured] * 3


class Recorder(TracerProvider, Tracer):
    """Keeps everything that is said to a span."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        return self

    def start_span(self, name: str, *args: Any, **kwargs: Any) -> Span:
        self.told += [name, args, kwargs]
        return Recording(self.told)

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, **kwargs: Any) -> Iterator[Span]:  # type: ignore[override]
        yield self.start_span(name, *args, **kwargs)


class Recording(NonRecordingSpan):
    def __init__(self, told: list[object]) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._told = told

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        self._told.append((key, value))

    def set_attributes(self, attributes: Any) -> None:
        self._told.append(attributes)

    def add_event(self, *args: Any, **kwargs: Any) -> None:
        self._told.append((args, kwargs))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"provider": "openai"}, "api_key"),
        ({"provider": "compatible"}, "base_url"),
        ({"provider": "azure", "api_key": "k", "api_version": "1"}, "base_url"),
        ({"provider": "azure", "base_url": "https://x", "api_version": "1"}, "api_key"),
        ({"provider": "azure", "base_url": "https://x", "api_key": "k"}, "api_version"),
        ({"max_turn_tokens": 1}, "max_turn_tokens"),
        ({"provider": "compatible", "base_url": "ftp://x"}, "base_url"),
        ({"provider": "other"}, "provider"),
        ({"temperature": 3}, "temperature"),
        ({"timeout": 0}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, object], field: str) -> None:
    """The error names the setting."""
    with pytest.raises(ValidationError, match=field):
        EngineSettings.model_validate(given)


def test_the_key_is_not_shown() -> None:
    """Printed settings hold no key."""
    shown = EngineSettings.model_validate({"provider": "openai", "api_key": KEY})
    assert KEY not in repr(shown)
    assert KEY not in shown.model_dump_json()
    assert isinstance(open_engine(shown), ConversingEngine)
