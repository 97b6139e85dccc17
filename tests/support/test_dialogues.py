"""Scripted models: what the agent makes of what a model does."""

import pytest
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from holdfast.support import EngineFailed, SupportAgent, Turn
from holdfast.support.engines import ConversingEngine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.conftest import Store


async def test_every_tool_can_be_called(knowledge: Knowledge) -> None:
    """A model that calls each tool with any arguments gets an answer through."""
    engine = ConversingEngine(TestModel(custom_output_text="Done."))
    answer = await engine.answer(Turn(text="kayak", history=(), library=Library(knowledge)))
    assert answer.text == "Done."
    assert set(answer.tools_used) == {"search_knowledge", "read_article"}


async def test_a_preamble_does_not_end_the_answer(knowledge: Knowledge) -> None:
    """Text before a tool call is no answer, and is not joined to it."""

    async def look_first(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if isinstance(messages[-1].parts[-1], ToolReturnPart):
            return ModelResponse(parts=[TextPart("It costs 12 euros [1].")])
        call = ToolCallPart("search_knowledge", {"question": "price of a kayak"})
        return ModelResponse(parts=[TextPart("Let me check. "), call])

    engine = ConversingEngine(FunctionModel(look_first))
    answer = await engine.answer(Turn(text="price?", history=(), library=Library(knowledge)))
    assert answer.text == "It costs 12 euros [1]."
    assert len(answer.sources) == 1


async def test_a_dialogue_runs_over_many_turns(store: Store, knowledge: Knowledge) -> None:
    """Each turn's model sees what was said before it, as the visitor and the agent said it."""

    async def recite(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        parts = (part for message in messages for part in message.parts)
        told = [str(part.content) for part in parts if isinstance(part, UserPromptPart | TextPart)]
        return ModelResponse(parts=[TextPart(" | ".join(told))])

    agent = SupportAgent(store, knowledge, ConversingEngine(FunctionModel(recite)))
    session_id = (await store.create()).session_id
    answers = [await agent.process_message(session_id, text) for text in ("a", "b", "c")]
    assert [answer.message for answer in answers] == [
        "a",
        "a | a | b",
        "a | a | b | a | a | b | c",
    ]


async def test_a_model_without_words_is_a_failure(knowledge: Knowledge) -> None:
    """An empty answer is asked for again once, then the turn has failed."""

    async def nothing(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[])

    engine = ConversingEngine(FunctionModel(nothing))
    with pytest.raises(EngineFailed, match="UnexpectedModelBehavior"):
        await engine.answer(Turn(text="hi", history=(), library=Library(knowledge)))


async def test_a_closed_knowledge_base_is_a_failure(knowledge: Knowledge) -> None:
    """What the tools stand on failing is the engine failing."""
    engine = ConversingEngine(TestModel())
    library = Library(knowledge)
    knowledge.close()
    with pytest.raises(EngineFailed):
        await engine.answer(Turn(text="kayak", history=(), library=library))
