"""What a person gets to know when a conversation is handed over."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from holdfast.support.escalation.scoring import Category, Priority

MAX_TRANSCRIPT: Final = 50
MAX_LINE: Final = 2000
MAX_QUOTED: Final = 200


class TranscriptLine(BaseModel):
    """A message as the ticket quotes it, at most 2,000 characters of it."""

    model_config = ConfigDict(frozen=True)

    role: str
    content: str


class Ticket(BaseModel):
    """A conversation handed over: there is one in a session at most.

    `scores` are the parts between 0 and 1 before weighing, `total` is what they add up to. The
    transcript holds the last 50 messages up to the one that led to the ticket, `facts` a line for
    each thing that the visitor told of themselves.
    """

    model_config = ConfigDict(frozen=True)

    ticket_id: str
    reasons: tuple[str, ...]
    scores: dict[str, float]
    total: Annotated[float, Field(ge=0, le=1)]
    category: Category
    priority: Priority
    summary: str
    transcript: tuple[TranscriptLine, ...]
    facts: tuple[str, ...] = ()


def quoted(text: str) -> str:
    """Shorten a message to what fits into a line of a summary."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTED else line[: MAX_QUOTED - 1].rstrip() + "…"
