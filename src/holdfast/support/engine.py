"""What answers a turn: the contract, in our own words, that every engine keeps."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from holdfast.errors import HoldfastError
from holdfast.session import Fact
from holdfast.support.errors import NO_ANSWER, EngineFailed
from holdfast.support.languages import Language
from holdfast.support.library import Library
from holdfast.support.messages import Source
from holdfast.support.spending import Purse


class Said(NamedTuple):
    """One earlier message of a conversation."""

    by: Literal["visitor", "agent"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an engine is asked: the visitor's message, what was said before, where to look.

    `facts` are what the visitor told of themselves in this conversation, the newest last. Calls
    that cost something are paid from `purse`. `language` is the one that the visitor writes in.
    """

    text: str
    history: tuple[Said, ...]
    library: Library
    facts: tuple[Fact, ...] = ()
    purse: Purse | None = None
    language: Language = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text in light Markdown, citing its sources as `[rank]`.

    `declined` says that an answer was looked for and not found, and a person was offered;
    `asks_back` that the question could mean several things, and the text asks which.
    """

    text: str
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    tools_used: tuple[str, ...] = ()
    declined: bool = False
    asks_back: bool = False


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """The engine looks something up."""

    tool: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """What the engine looked up has arrived."""

    tool: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer, to be put behind what came before."""

    text: str


@dataclass(frozen=True, slots=True)
class TextWithdrawn:
    """Everything told so far, `text`, was a remark and no answer: the answer begins anew."""

    text: str


@dataclass(frozen=True, slots=True)
class SourcesCited:
    """The sources of the answer so far, all of them."""

    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took of the model's service."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole answer; its text is that of all `TextDelta`s since the last `TextWithdrawn`."""

    answer: Answer
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no answer; the turn may be tried again as it is.

    `reason` is for operators, `message` for visitors; `retry_after` is in seconds, None when nobody
    knows. With `error` the engine was not allowed to ask, and that is what the caller is told.
    Where the same would go wrong until an operator changes something, it is not `retryable`.
    """

    reason: str
    message: str = NO_ANSWER
    retry_after: float | None = None
    error: HoldfastError | None = None
    retryable: bool = True


EngineEvent = (
    ToolStarted | ToolFinished | TextDelta | TextWithdrawn | SourcesCited | Finished | Failed
)


class ChatEngine(Protocol):
    """Answers turns; it keeps nothing between them, so any worker may answer any turn."""

    def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        """Answer one turn, event by event; the last one is `Finished` or `Failed`.

        Close it (`contextlib.aclosing`) to stop the work that it stands for.
        """
        ...


async def collect(engine: ChatEngine, turn: Turn) -> Answer:
    """Wait for the whole answer.

    Raises:
        EngineFailed: there is none.
    """
    async with aclosing(engine.stream(turn)) as events:
        async for event in events:
            match event:
                case Finished(answer):
                    return answer
                case Failed(error=HoldfastError() as error):
                    raise error
                case Failed(reason, message, retry_after):
                    raise EngineFailed(reason, message=message, retry_after=retry_after)
                case _:
                    continue
    raise EngineFailed("the engine ended without an answer")
