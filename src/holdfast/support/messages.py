"""What is said in a conversation: as an answer cites, as the log keeps, as others are shown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from holdfast.change import Item
from holdfast.support.escalation import Ticket

Role = Literal["user", "assistant", "staff", "system"]
Outcome = Literal["answered", "declined", "talk", "handed_over"]
"""How a turn ended: answered from sources, nothing found, no question, or only handed over."""


class Source(BaseModel):
    """A passage that an answer cites as `[rank]`. `score` compares sources of one answer only."""

    model_config = ConfigDict(frozen=True)

    title: str
    content: str
    uri: str
    score: float
    rank: int


class Kept(BaseModel):
    """A message as the log keeps it; `reply_to` is the id of the message that it answers."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["message"]
    id: str
    role: Role
    content: str
    user_id: str | None = None
    request_id: str | None = None
    client_message_id: str | None = None
    reply_to: str | None = None
    sources: tuple[Source, ...] = ()
    requires_escalation: bool = False
    ticket_id: str | None = None
    confidence: float | None = None
    outcome: Outcome | None = None
    tools_used: tuple[str, ...] = ()
    processing_time_ms: float = 0
    message_count: int = 0
    ticket: Ticket | None = None

    def written(self) -> dict[str, Any]:
        """Write the message as an item of the log."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Message(BaseModel):
    """A message as it is shown to the visitor; what is None does not apply to it."""

    model_config = ConfigDict(frozen=True)

    number: int
    id: str
    role: Role
    content: str
    at: datetime
    sources: tuple[Source, ...] = ()
    attachments: tuple[str, ...] = ()
    client_message_id: str | None = None
    reply_to: str | None = None
    requires_escalation: bool | None = None
    ticket_id: str | None = None
    confidence: float | None = None


class MessagePage(BaseModel):
    """Messages in order. `last_number` numbers the newest item of the log, shown here or not."""

    model_config = ConfigDict(frozen=True)

    messages: tuple[Message, ...]
    last_number: int


class Placed(NamedTuple):
    """A message and its number in the log."""

    number: int
    message: Kept


class Entry(NamedTuple):
    """A message as it was read from the log."""

    number: int
    message: Kept
    at: datetime

    @property
    def placed(self) -> Placed:
        """The message and its number alone."""
        return Placed(self.number, self.message)

    def shown(self) -> Message:
        """Leave out what is for staff only."""
        kept = self.message
        answers = kept.role == "assistant"
        return Message(
            number=self.number,
            id=kept.id,
            role=kept.role,
            content=kept.content,
            at=self.at,
            sources=kept.sources,
            client_message_id=kept.client_message_id,
            reply_to=kept.reply_to,
            requires_escalation=kept.requires_escalation if answers else None,
            ticket_id=kept.ticket_id,
            confidence=kept.confidence,
        )


class Conversation(tuple[Entry, ...]):
    """The messages of a log in order; items that others put there are passed over."""

    __slots__ = ()

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Read the items of a log."""
        return cls(entry for item in items if (entry := _entry(item)) is not None)

    def asked(self, client_message_id: str | None) -> Entry | None:
        """Find the message that a client sent under this id."""
        if client_message_id is None:
            return None
        return _first(entry for entry in self if _sent_as(entry, client_message_id))

    def answer_to(self, message_id: str) -> Entry | None:
        """Find the answer to a message."""
        return _first(entry for entry in self if entry.message.reply_to == message_id)

    def said_by_visitor(self) -> list[str]:
        """Give the visitor's own messages, oldest first."""
        return [entry.message.content for entry in self if entry.message.role == "user"]

    def ticket(self) -> Ticket | None:
        """Find the ticket that the conversation was handed over with."""
        return next((entry.message.ticket for entry in self if entry.message.ticket), None)


def _entry(item: Item) -> Entry | None:
    try:
        message = Kept.model_validate(item.value)
    except ValidationError:
        # Others may append to a log what they like.
        return None
    return Entry(item.number, message, item.at)


def _sent_as(entry: Entry, client_message_id: str) -> bool:
    message = entry.message
    return message.role == "user" and message.client_message_id == client_message_id


def _first(entries: Iterable[Entry]) -> Entry | None:
    return next(iter(entries), None)
