"""A model without a model: it searches, and answers in the words of what it found.

It speaks to pydantic-ai as any model does, so that tools, limits and spans are the same.
"""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from pydantic_ai import RunContext
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from holdfast.session import Fact
from holdfast.support.engines.answers import answer
from holdfast.support.engines.findings import Article, SearchResult
from holdfast.support.engines.small_talk import SmallTalk
from holdfast.support.engines.streaming import LocalResponse
from holdfast.support.engines.tools import Desk, read_article, search_knowledge

SEARCH: Final = search_knowledge.__name__
READ: Final = read_article.__name__
# How many of the visitor's messages before a follow-up are looked at with it.
CONTEXT: Final = 2


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A run so far: the question, what was asked before it, what the tools told since."""

    question: str
    before: tuple[str, ...]
    search: SearchResult | None
    article: Article | None

    @classmethod
    def of(cls, messages: Sequence[ModelMessage]) -> "Dialogue":
        """Read the messages of a run; the last thing a visitor said is the question."""
        said: list[str] = []
        told: list[ToolReturnPart] = []
        for part in _parts(messages):
            if isinstance(part, UserPromptPart):
                said.append(part.content if isinstance(part.content, str) else "")
                told.clear()
            else:
                told.append(part)
        # In this process what a tool returns is the value itself.
        returned: dict[str, Any] = {part.tool_name: part.content for part in told}
        *before, question = said or [""]
        return cls(question, tuple(before), returned.get(SEARCH), returned.get(READ))


class LocalModel(Model):
    """Answers with excerpts, cited; needs no key and no network."""

    def __init__(self) -> None:
        super().__init__()
        self._small_talk = SmallTalk()

    @property
    def model_name(self) -> str:
        return "extractive"

    @property
    def system(self) -> str:
        return "holdfast"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Make the next step of a run."""
        step = self._step(Dialogue.of(messages))
        return ModelResponse(parts=[step], usage=RequestUsage(), model_name=self.model_name)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Make the next step of a run, in pieces."""
        desk = run_context.deps if run_context is not None else None
        facts = desk.facts if isinstance(desk, Desk) else ()
        step = self._step(Dialogue.of(messages), facts)
        yield LocalResponse(model_request_parameters, step, self.model_name)

    def _step(self, dialogue: Dialogue, facts: Sequence[Fact] = ()) -> TextPart | ToolCallPart:
        question = dialogue.question
        if dialogue.search is None:
            talk = self._small_talk.answer(question)
            return TextPart(talk) if talk is not None else self._look_up(dialogue)
        found = dialogue.search["passages"]
        if not (dialogue.search["sufficient"] and found):
            return TextPart(self._small_talk.declined)
        if dialogue.article is None:
            return ToolCallPart(READ, {"number": found[0]["number"]})
        return TextPart(answer(question, found, dialogue.article["article"]))

    def _look_up(self, dialogue: Dialogue) -> ToolCallPart:
        arguments: dict[str, object] = {"question": dialogue.question}
        if dialogue.before and self._small_talk.follows_up(dialogue.question):
            arguments["context"] = list(dialogue.before[-CONTEXT:])
        return ToolCallPart(SEARCH, arguments)


def _parts(messages: Sequence[ModelMessage]) -> Iterator[UserPromptPart | ToolReturnPart]:
    for message in messages:
        if isinstance(message, ModelRequest):
            for part in message.parts:
                if isinstance(part, UserPromptPart | ToolReturnPart):
                    yield part
