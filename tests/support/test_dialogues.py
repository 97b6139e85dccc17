"""Scripted models: what the agent makes of what a model does."""

from collections.abc import AsyncIterator

import pytest
from pydantic_ai.messages import ModelMessage, TextPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel
from pydantic_ai.models.test import TestModel

from holdfast.support import (
    EngineFailed,
    Finished,
    SourcesCited,
    SupportAgent,
    TextDelta,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    Turn,
)
from holdfast.support.engines import ConversingEngine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.conftest import Store

Said = str | DeltaToolCalls


async def test_every_tool_can_be_called(knowledge: Knowledge) -> None:
    """A model that calls each tool with any arguments gets an answer through."""
    engine = ConversingEngine(TestModel(custom_output_text="Done."))
    answer = await engine.answer(Turn(text="kayak", history=(), library=Library(knowledge)))
    assert answer.text == "Done."
    assert set(answer.tools_used) == {"search_knowledge", "read_article"}


async def test_a_preamble_does_not_end_the_answer(knowledge: Knowledge) -> None:
    """Text before a tool call is no answer, and is not joined to it."""

    async def look_first(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Said]:
        if isinstance(messages[-1].parts[-1], ToolReturnPart):
            for piece in ("It costs ", "12 euros [", "1", "]."):
                yield piece
            return
        yield "Let me "
        yield "check. "
        yield {1: DeltaToolCall("search_knowledge", '{"question": "price of a kayak"}')}

    engine = ConversingEngine(FunctionModel(stream_function=look_first))
    turn = Turn(text="price?", history=(), library=Library(knowledge))
    told = [event async for event in engine.stream(turn)]
    finished = told.pop()
    assert isinstance(finished, Finished)
    assert finished.answer.text == "It costs 12 euros [1]."
    assert len(finished.answer.sources) == 1
    assert told == [
        TextDelta("Let me"),
        TextDelta(" check."),
        TextWithdrawn("Let me check."),
        ToolStarted("search_knowledge"),
        ToolFinished("search_knowledge"),
        TextDelta("It costs"),
        TextDelta(" 12 euros"),
        SourcesCited(finished.answer.sources),
        TextDelta(" [1]."),
        SourcesCited(finished.answer.sources),
    ]


async def test_a_dialogue_runs_over_many_turns(store: Store, knowledge: Knowledge) -> None:
    """Each turn's model sees what was said before it, as the visitor and the agent said it."""

    async def recite(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        parts = (part for message in messages for part in message.parts)
        told = [str(part.content) for part in parts if isinstance(part, UserPromptPart | TextPart)]
        yield " | ".join(told)

    model = FunctionModel(stream_function=recite)
    agent = SupportAgent(store, knowledge, ConversingEngine(model))
    session_id = (await store.create()).session_id
    answers = [await agent.process_message(session_id, text) for text in ("a", "b", "c")]
    assert [answer.message for answer in answers] == [
        "a",
        "a | a | b",
        "a | a | b | a | a | b | c",
    ]


async def test_a_model_without_words_is_a_failure(knowledge: Knowledge) -> None:
    """An empty answer is asked for again once, then the turn has failed."""

    async def nothing(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str]:
        yield ""

    engine = ConversingEngine(FunctionModel(stream_function=nothing))
    with pytest.raises(EngineFailed, match="UnexpectedModelBehavior"):
        await engine.answer(Turn(text="hi", history=(), library=Library(knowledge)))


async def test_a_closed_knowledge_base_is_a_failure(knowledge: Knowledge) -> None:
    """What the tools stand on failing is the engine failing."""
    engine = ConversingEngine(TestModel())
    library = Library(knowledge)
    knowledge.close()
    with pytest.raises(EngineFailed):
        await engine.answer(Turn(text="kayak", history=(), library=library))
