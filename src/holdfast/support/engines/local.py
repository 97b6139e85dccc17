"""A model without a model: it searches, and answers in the words of what it found.

It speaks to pydantic-ai as any model does, so that tools, limits and spans are the same.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from holdfast.session import Fact
from holdfast.support.engines.answers import answer
from holdfast.support.engines.dialogue import Dialogue
from holdfast.support.engines.findings import FoundPassage
from holdfast.support.engines.small_talk import SmallTalk
from holdfast.support.engines.streaming import LocalResponse
from holdfast.support.engines.telling import ASKS_BACK
from holdfast.support.engines.tools import Desk, read_article, search_knowledge
from holdfast.support.facts import heard, without

SEARCH: Final = search_knowledge.__name__
READ: Final = read_article.__name__
# How many of the visitor's messages before a follow-up are looked at with it.
CONTEXT: Final = 3
# What other articles must score, compared with the best, so that any of them may be meant.
ALIKE: Final = 0.7

Step = TextPart | ToolCallPart


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
        step, _ = self._step(Dialogue.of(messages), ())
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
        step, asks_back = self._step(Dialogue.of(messages), facts)
        response = LocalResponse(model_request_parameters, step, self.model_name)
        response.metadata = {ASKS_BACK: asks_back}
        yield response

    def _step(self, dialogue: Dialogue, facts: Sequence[Fact]) -> tuple[Step, bool]:
        """Make the next step, and say whether it asks the visitor back."""
        question = self._question(dialogue)
        if dialogue.search is None:
            return self._first(dialogue, question)
        found = dialogue.search["passages"]
        alone = not self._leans(dialogue) and not self._asked_back(dialogue)
        if alone and self._small_talk.is_vague(question):
            if titles := self._titles(found):
                return TextPart(self._small_talk.ask_which(titles)), True
        if not (dialogue.search["sufficient"] and found):
            if dialogue.before and not dialogue.widened:
                return _search(question, dialogue.before), False
            return TextPart(self._small_talk.declined), False
        if dialogue.article is None:
            return ToolCallPart(READ, {"number": found[0]["number"]}), False
        told = answer(question, found, dialogue.article["article"])
        lead = self._small_talk.lead(question, facts)
        return TextPart(f"{lead}\n\n{told}" if lead else told), False

    def _question(self, dialogue: Dialogue) -> str:
        """Say what is asked: where we asked back, the message before goes on with this one."""
        question = without(dialogue.question)
        return f"{dialogue.before[-1]} {question}" if self._asked_back(dialogue) else question

    def _first(self, dialogue: Dialogue, question: str) -> tuple[Step, bool]:
        """Answer what needs no search, or begin one."""
        talk = self._small_talk.answer(dialogue.question) or self._noted(dialogue)
        if talk is not None:
            return TextPart(talk), False
        if self._leans(dialogue):
            return _search(question, dialogue.before), False
        if not self._small_talk.has_subject(question):
            return TextPart(self._small_talk.which_subject), True
        return _search(question), False

    def _noted(self, dialogue: Dialogue) -> str | None:
        if self._asked_back(dialogue):
            return None
        told = heard(dialogue.question, now=datetime.now(UTC))
        return self._small_talk.note(without(dialogue.question), told)

    def _leans(self, dialogue: Dialogue) -> bool:
        """Say whether a message is to be read together with those before it."""
        if not dialogue.before or self._asked_back(dialogue):
            return False
        return self._small_talk.follows_up(dialogue.question)

    def _asked_back(self, dialogue: Dialogue) -> bool:
        return bool(dialogue.before) and self._small_talk.asked_back(dialogue.answered)

    def _titles(self, found: Sequence[FoundPassage]) -> list[str]:
        """Give the articles that may be meant, cited, unless one stands out."""
        near = [one for one in found if one["score"] >= ALIKE * found[0]["score"]]
        titles = {one["article"]: f"{one['article']} [{one['number']}]" for one in reversed(near)}
        if len(titles) < self._small_talk.fewest_articles:
            return []
        return list(reversed(titles.values()))[: self._small_talk.most_named]


def _search(question: str, before: Sequence[str] = ()) -> ToolCallPart:
    arguments: dict[str, object] = {"question": question}
    if before:
        arguments["context"] = list(before[-CONTEXT:])
    return ToolCallPart(SEARCH, arguments)
