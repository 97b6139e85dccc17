"""From the events of a pydantic-ai run to our own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, cast

from pydantic_ai import AgentRunResultEvent
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
)
from pydantic_ai.run import AgentRunResult

from holdfast.support.engine import (
    Answer,
    EngineEvent,
    Finished,
    SourcesCited,
    TextDelta,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    Usage,
)
from holdfast.support.engines.pieces import pieces
from holdfast.support.library import Cited, Library

CUT_OFF: Final = " …"
"""Ends an answer that the model was not allowed to finish: it was too long."""


class Telling:
    """Hears what a run does, and tells it; text before a tool call is withdrawn."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._citations = library.citing()
        self._text = ""
        # How many sources have been told.
        self._known = 0

    @property
    def begun(self) -> bool:
        """Whether any of the answer has been told."""
        return bool(self._text)

    def hear(self, event: Any) -> Iterator[EngineEvent]:
        """Tell one event of the run; most of them tell nothing."""
        match event:
            case PartStartEvent(part=TextPart(content)):
                yield from self._cited(self._citations.feed(content))
            case PartDeltaEvent(delta=TextPartDelta(content_delta)):
                yield from self._cited(self._citations.feed(content_delta))
            case PartStartEvent(part=ToolCallPart()):
                yield from self._withdrawn()
            case FunctionToolCallEvent(part):
                yield ToolStarted(part.tool_name)
            case FunctionToolResultEvent(part):
                yield ToolFinished(part.tool_name or "")
            case AgentRunResultEvent():
                yield from self._finished(cast("AgentRunResultEvent[str]", event).result)
            case _:
                return

    def _more(self, text: str) -> Iterator[EngineEvent]:
        """Tell more text; what came whole is told in pieces, too."""
        self._text += text
        yield from map(TextDelta, pieces(text))

    def _cited(self, text: str) -> Iterator[EngineEvent]:
        """Tell more text, and before it what it is the first to cite."""
        sources = self._citations.sources
        if len(sources) > self._known:
            self._known = len(sources)
            yield SourcesCited(sources)
        yield from self._more(text)

    def _withdrawn(self) -> Iterator[EngineEvent]:
        self._citations = self._library.citing()
        self._known = 0
        if self._text:
            text, self._text = self._text, ""
            yield TextWithdrawn(text)

    def _finished(self, result: AgentRunResult[str]) -> Iterator[EngineEvent]:
        yield from self._more(self._citations.close())
        cited = self._citations.cited(self._text)
        whole = self._library.cite(result.output)
        if whole.text != self._text:
            # The model's answer is not what came in pieces: what counts is the answer.
            yield from self._withdrawn()
            yield from self._more(whole.text)
            cited = whole
        if result.response.finish_reason == "length":
            yield from self._more(CUT_OFF)
            cited = replace(cited, text=self._text)
        if cited.sources:
            yield SourcesCited(cited.sources)
        yield Finished(answer_of(cited, self._library), _usage(result))


def answer_of(cited: Cited, library: Library, *, asks_back: bool = False) -> Answer:
    """Say what came of a turn: a search whose answer cites nothing has found nothing."""
    used = tuple(library.used)
    return Answer(
        text=cited.text,
        sources=cited.sources,
        confidence=cited.confidence,
        tools_used=used,
        declined=bool(used) and not cited.sources and not asks_back,
        asks_back=asks_back,
    )


def _usage(result: AgentRunResult[str]) -> Usage:
    usage = result.usage
    return Usage(usage.requests, usage.input_tokens, usage.output_tokens)
