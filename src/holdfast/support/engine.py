"""What answers a turn: the contract, in our own words, that every engine keeps."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from holdfast.support.library import Library
from holdfast.support.messages import Source


class Said(NamedTuple):
    """One earlier message of a conversation."""

    by: Literal["visitor", "agent"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What an engine is asked: the visitor's message, what was said before, where to look."""

    text: str
    history: tuple[Said, ...]
    library: Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text in light Markdown, citing its sources as `[rank]`.

    `declined` says that an answer was looked for and not found, and a person was offered.
    """

    text: str
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    tools_used: tuple[str, ...] = ()
    declined: bool = False


class ChatEngine(Protocol):
    """Answers turns; it keeps nothing between them, so any worker may answer any turn."""

    async def answer(self, turn: Turn) -> Answer:
        """Answer one turn.

        Raises:
            EngineFailed: there is no answer; the turn may be tried again as it is.
        """
        ...
