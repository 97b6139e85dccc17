"""A run so far, as the local model reads it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from holdfast.support.engines.findings import Article, SearchResult

Part = UserPromptPart | TextPart | ToolCallPart | ToolReturnPart


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The question, what was said before it, what the tools told since.

    `before` holds the visitor's messages; `answered` is our last answer. `widened` says that the
    question was searched for together with those before it.
    """

    question: str
    before: tuple[str, ...] = ()
    answered: str = ""
    search: SearchResult | None = None
    article: Article | None = None
    widened: bool = False

    @classmethod
    def of(cls, messages: Sequence[ModelMessage]) -> "Dialogue":
        """Read the messages of a run; the last thing a visitor said is the question."""
        parts = list(_parts(messages))
        asked = [place for place, part in enumerate(parts) if isinstance(part, UserPromptPart)]
        if not asked:
            return cls("")
        earlier, since = parts[: asked[-1]], parts[asked[-1] + 1 :]
        # In this process what a tool returns is the value itself.
        returned: dict[str, Any] = {
            part.tool_name: part.content for part in since if isinstance(part, ToolReturnPart)
        }
        return cls(
            question=_text(parts[asked[-1]]),
            before=tuple(_text(part) for part in earlier if isinstance(part, UserPromptPart)),
            answered=next((_text(one) for one in reversed(earlier) if _is_text(one)), ""),
            search=returned.get("search_knowledge"),
            article=returned.get("read_article"),
            widened=any(_is_widened(part) for part in since),
        )


def _parts(messages: Sequence[ModelMessage]) -> Iterator[Part]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, Part):
                yield part


def _text(part: Part) -> str:
    match part:
        case UserPromptPart(content) | TextPart(content) if isinstance(content, str):
            return content
        case _:
            return ""


def _is_text(part: Part) -> bool:
    return isinstance(part, TextPart)


def _is_widened(part: Part) -> bool:
    return isinstance(part, ToolCallPart) and "context" in part.args_as_dict()
