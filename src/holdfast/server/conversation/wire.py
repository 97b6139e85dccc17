"""Every frame of `/v1/chat/ws`, which are also the events of the stream.

A frame is one JSON object; `type` names it and its fields stand beside it. The page's TypeScript is
written from these models by `tools/wire_types.py`.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from holdfast.server.requests import Body, Number, SessionId
from holdfast.session import Name
from holdfast.support import Message, Purchased, Source
from holdfast.support.incoming import MAX_CLIENT_ID

SUBPROTOCOL: Final = "holdfast.v1"

TextKey = Literal["thinking", "searching", "reading", "writing"]
Rating = Literal["up", "down"]
LONGEST_REASON: Final = 2000
# With a length, text is also checked for what UTF-8 cannot carry.
ClientId = Annotated[str, Field(min_length=1, max_length=MAX_CLIENT_ID)]


class Hello(Body):
    """The first frame: which conversation, what opens it, and what was read of it already.

    A browser is known by its cookie and needs no secret here; staff without a cookie may show a
    ticket of `/v1/auth/socket-ticket`. `last_number` is the greatest number
    of a `message` that the client has; 0 asks for all of them.
    """

    type: Literal["hello"] = "hello"
    session_id: SessionId
    session_secret: str | None = None
    ticket: str | None = None
    last_number: Number = 0
    tab_id: Name | None = None


class SendMessage(Body):
    """Something that the visitor says; sent again under the same id it is the same message.

    Sent again when its run was interrupted, it is answered once more.
    """

    type: Literal["message.send"] = "message.send"
    client_message_id: ClientId
    text: str
    attachment_ids: list[Name] = Field(default_factory=list[Name])


class CancelRun(Body):
    """Stop a run; what was told of its answer is kept."""

    type: Literal["run.cancel"] = "run.cancel"
    run_id: Name


class Typing(Body):
    """The visitor writes, or has stopped writing; told to the visitor's other tabs as `typing`."""

    type: Literal["typing"] = "typing"
    on: bool


class Feedback(Body):
    """What the visitor thinks of an answer; a later one takes the place of an earlier one."""

    message_id: Name
    value: Rating
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] | None = None


class GiveFeedback(Feedback):
    """Feedback over a socket."""

    type: Literal["feedback"] = "feedback"


class Ping(Body):
    """A sign of life, answered with `pong`; `stay` has the conversation last as if it were used."""

    type: Literal["ping"] = "ping"
    stay: bool = False


Said = SendMessage | CancelRun | Typing | GiveFeedback | Ping
"""What a client may say after `hello`."""

SAID: Final[TypeAdapter[Said]] = TypeAdapter(Annotated[Said, Field(discriminator="type")])


class Told(BaseModel):
    """What the service tells; a field that is None is left out."""

    model_config = ConfigDict(frozen=True)


class Welcome(Told):
    """The answer to `hello`. Everything after the client's `last_number` follows.

    Whoever says nothing for long is given up: send `ping` every `heartbeat_seconds`.
    """

    type: Literal["welcome"] = "welcome"
    session_id: str
    last_number: int
    expires_at: datetime
    heartbeat_seconds: float


class Ack(Told):
    """A message is stored. `duplicate` says that it had been stored before."""

    type: Literal["ack"] = "ack"
    client_message_id: str
    message_id: str
    number: int
    duplicate: bool


class MessageTold(Message):
    """A message of the conversation, whoever wrote it; told once, in the order of `number`."""

    type: Literal["message"] = "message"


class RunStarted(Told):
    """An answer to the visitor's message `message_id` is being made."""

    type: Literal["run.started"] = "run.started"
    run_id: str
    request_id: str | None = None
    message_id: str | None = None


class Status(Told):
    """What the run does now; the client has the words for it."""

    type: Literal["status"] = "status"
    run_id: str
    text_key: TextKey


class Sources(Told):
    """The sources of the answer that is being made, all of them."""

    type: Literal["sources"] = "sources"
    run_id: str
    sources: tuple[Source, ...]


class Delta(Told):
    """More of the answer that is being made.

    With `offset` 0 the text is told anew, from its beginning; otherwise `text` goes behind what was
    told before, which has `offset` characters (Unicode code points). Nothing is told twice.
    """

    type: Literal["delta"] = "delta"
    run_id: str
    offset: int
    text: str


class RunFinished(Told):
    """A run is over; its answer is message `number`, told before this.

    Where anything was spent or has a limit, in micro-units: what it cost, the least that a limit
    left then, and what the session had bought, by category.
    """

    type: Literal["run.finished"] = "run.finished"
    run_id: str
    number: int
    cost: int | None = None
    budget_remaining: int | None = None
    items: tuple[Purchased, ...] | None = None


class RunInterrupted(Told):
    """A run ended without an answer.

    When `retryable`, it can help to send the visitor's message again, under its
    `client_message_id`; else the same would go wrong again.
    """

    type: Literal["run.interrupted"] = "run.interrupted"
    run_id: str
    retryable: bool
    message_id: str | None = None
    detail: str | None = None


class Escalated(Told):
    """The conversation was handed to a person."""

    type: Literal["escalated"] = "escalated"
    ticket_id: str
    reasons: tuple[str, ...]


class Owner(Told):
    """Who answers: the agent, or a person who answered last. Told at first, and on a change."""

    type: Literal["owner"] = "owner"
    kind: Literal["agent", "staff"]
    name: str


class TypingTold(Told):
    """Somebody else writes, or has stopped writing. A hint: it may be lost."""

    type: Literal["typing"] = "typing"
    on: bool


class Pong(Told):
    """The answer to `ping`: the conversation is there until `expires_at`, unless it is used."""

    type: Literal["pong"] = "pong"
    expires_at: datetime


class Error(Told):
    """Something that was said cannot be done; the socket stays usable.

    `code` is one of those that requests are answered with. When `retryable`, the same may be said
    again later.
    """

    type: Literal["error"] = "error"
    code: str
    detail: str
    retryable: bool
    client_message_id: str | None = None


Frame = (
    Welcome
    | Ack
    | MessageTold
    | RunStarted
    | Status
    | Sources
    | Delta
    | RunFinished
    | RunInterrupted
    | Escalated
    | Owner
    | TypingTold
    | Pong
    | Error
)
"""What the service may tell."""


def written(frame: BaseModel) -> dict[str, Any]:
    """Write a frame as it goes over the wire."""
    return frame.model_dump(mode="json", exclude_none=True)
