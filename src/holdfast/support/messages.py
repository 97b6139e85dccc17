"""What is said in a conversation: as an answer cites, as the log keeps, as others are shown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from holdfast.change import Item
from holdfast.support.escalation import Ticket
from holdfast.support.incoming import Incoming
from holdfast.support.spending import Bill

Role = Literal["user", "assistant", "staff", "system"]
Outcome = Literal["answered", "declined", "clarifying", "talk", "handed_over", "stopped"]
"""How a turn ended: answered from sources, nothing found, asked back, no question, only handed
over, or stopped by the visitor."""


class Source(BaseModel):
    """A passage that an answer cites as `[rank]`. `score` compares sources of one answer only."""

    model_config = ConfigDict(frozen=True)

    title: str
    content: str
    uri: str
    score: float
    rank: int


class Kept(BaseModel):
    """A message as the log keeps it; `reply_to` is the id of the message that it answers.

    `run_id` is that of the run which an answer ended, `name` that of the person who wrote it.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["message"]
    id: str
    role: Role
    content: str
    user_id: str | None = None
    request_id: str | None = None
    client_message_id: str | None = None
    reply_to: str | None = None
    run_id: str | None = None
    name: str | None = None
    sources: tuple[Source, ...] = ()
    requires_escalation: bool = False
    ticket_id: str | None = None
    confidence: float | None = None
    outcome: Outcome | None = None
    tools_used: tuple[str, ...] = ()
    processing_time_ms: float = 0
    message_count: int = 0
    ticket: Ticket | None = None
    bill: Bill = Bill()

    def written(self) -> dict[str, Any]:
        """Write the message as an item of the log."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def again(self) -> Incoming:
        """Give a visitor's message back as what a run answers."""
        return Incoming(
            text=self.content,
            user_id=self.user_id,
            request_id=self.request_id,
            client_message_id=self.client_message_id,
            message_id=self.id,
        )


class Message(BaseModel):
    """A message as it is shown to the visitor; what is None does not apply to it.

    `name` is that of the person who wrote it, `rating` what the visitor thinks of it.
    """

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
    outcome: Outcome | None = None
    name: str | None = None
    rating: Literal["up", "down"] | None = None


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
            outcome=kept.outcome,
            name=kept.name,
        )


class Conversation(tuple[Entry, ...]):
    """The messages of a log in order; items that others put there are passed over."""

    __slots__ = ()

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Read the items of a log."""
        return cls(entry for item in items if (entry := _entry(item)) is not None)

    def stored(self, incoming: Incoming) -> Entry | None:
        """Find a message that came before."""
        return _first(entry for entry in self if _is(entry.message, incoming))

    def find(self, message_id: str) -> Entry | None:
        """Find a message by its id."""
        return _first(entry for entry in self if entry.message.id == message_id)

    def answer_to(self, message_id: str) -> Entry | None:
        """Find the answer to a message."""
        return _first(entry for entry in self if entry.message.reply_to == message_id)

    def said_by_visitor(self) -> list[str]:
        """Give the visitor's own messages, oldest first."""
        return [entry.message.content for entry in self if entry.message.role == "user"]

    def unanswered(self) -> list[Entry]:
        """Give the visitor's messages that have no answer, oldest first."""
        answered = {entry.message.reply_to for entry in self}
        return [
            entry
            for entry in self
            if entry.message.role == "user" and entry.message.id not in answered
        ]

    def number_of(self, message_id: str | None) -> int:
        """Give the number of a message; 0 when it is not here."""
        return next((entry.number for entry in self if entry.message.id == message_id), 0)

    def never_begun(self, marked: str | None, *, begun: int) -> list[Entry]:
        """Give the visitor's messages that no run has begun with.

        `marked` is the newest run's, `begun` the greatest number that was noted before it. Runs
        are begun in the order of messages, so these come after all others.
        """
        ids = {entry.message.reply_to for entry in self} | {marked}
        asked = [entry for entry in self if entry.message.role == "user"]
        last = max((entry.number for entry in asked if entry.message.id in ids), default=0)
        return [entry for entry in asked if entry.number > max(last, begun)]

    def until(self, asked: Entry | None) -> "Conversation":
        """Leave out a message and what visitors said after it; None stands for a new message."""
        if asked is None:
            return self
        before = {entry.message.id for entry in self if entry.number < asked.number}
        return Conversation(
            entry
            for entry in self
            if entry.number < asked.number or entry.message.reply_to in before
        )

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


def _is(message: Kept, incoming: Incoming) -> bool:
    if message.role != "user":
        return False
    if incoming.message_id is not None:
        return message.id == incoming.message_id
    return message.client_message_id == incoming.client_message_id


def _first(entries: Iterable[Entry]) -> Entry | None:
    return next(iter(entries), None)
