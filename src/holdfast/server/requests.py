"""Bodies and queries as callers write them; whatever they do not name is refused."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from holdfast.errors import InvalidSession
from holdfast.lease import MAX_TTL
from holdfast.server.model import PRIVATE
from holdfast.session import (
    MAX_INTEGER,
    Counter,
    Fingerprint,
    Flag,
    Name,
    SessionFilter,
    UtcTime,
    check_session_id,
)
from holdfast.store import MAX_PAGE
from holdfast.terms import LONGEST

# How long a request may wait for a lease.
LONGEST_WAIT: Final = 300


def _check_public(name: str) -> str:
    if name in PRIVATE:
        raise ValueError("is kept by the service and cannot be written")
    return name


SessionId = Annotated[str, AfterValidator(check_session_id)]
FieldName = Annotated[str, AfterValidator(_check_public)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST)]
Number = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
# Money, in micro-units; true is no amount, and neither is 1.0.
Amount = Annotated[int, Field(ge=0, le=MAX_INTEGER, strict=True)]
Integers = dict[FieldName, Annotated[int, Field(strict=True)]]
Metadata = dict[str, JsonValue]


class Body(BaseModel):
    """A JSON object without unknown keys, whose values have the types that are asked for."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Parameters(BaseModel):
    """What stands behind the question mark of an address: text, which is read as what it is for."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NewSession(Body):
    """A session to create: what it begins with, beside metadata each declared field."""

    session_id: SessionId | None = None
    user_id: Name | None = None
    ttl_seconds: Seconds | None = None
    metadata: Metadata = {}
    thread_id: Name | None = None
    request_id: Name | None = None
    message_count: Counter = 0
    escalated: Flag = False
    ticket_id: Name | None = None
    fingerprint: Fingerprint | None = None
    budget_limit: Amount | None = None

    def state(self) -> dict[str, Any]:
        """Give what was written of the state, as the store takes it."""
        written = self.model_fields_set - {"session_id", "user_id", "ttl_seconds"}
        return {name: getattr(self, name) for name in written}


class ChangeRequest(Body):
    """A change as in `holdfast.Change`, with the revision and the lease that it depends on."""

    # Factories, because a default that can be altered is copied, slowly, for each request.
    set: dict[FieldName, JsonValue] = Field(default_factory=dict)
    unset: list[FieldName] = Field(default_factory=list)
    add: Integers = Field(default_factory=dict)
    at_most: Integers = Field(default_factory=dict)
    claim: list[FieldName] = Field(default_factory=list)
    append: list[JsonValue] = Field(default_factory=list[JsonValue])
    expect_revision: Number | None = None
    lease_token: Name | None = None


class ListQuery(Parameters):
    """Which sessions to list, and where to begin."""

    user_id: Name | None = None
    escalated: bool | None = None
    created_after: UtcTime | None = None
    created_before: UtcTime | None = None
    min_messages: Number | None = None
    max_messages: Number | None = None
    limit: int = Field(100, ge=1, le=MAX_PAGE)
    cursor: str | None = None

    def filter(self) -> SessionFilter:
        """Give the part that restricts.

        Raises:
            InvalidSession: a range ends before it begins.
        """
        try:
            return SessionFilter(**self.model_dump(exclude={"limit", "cursor"}))
        except ValidationError as exc:
            text = exc.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            field, _, rule = text.partition(": ")
            raise InvalidSession(field, rule) from exc


class ItemsQuery(Parameters):
    """A stretch of a log."""

    after: Number = 0
    limit: int = Field(100, ge=1, le=MAX_PAGE)


class ExtendRequest(Body):
    ttl_seconds: Seconds


class NewItems(Body):
    items: list[JsonValue] = Field(min_length=1)


class LeaseRequest(Body):
    ttl_seconds: Annotated[float, Field(gt=0, le=MAX_TTL)] = 30
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = 10
    steal: bool = False


class HeldLease(Body):
    """A lease to renew or to give back."""

    lease_token: Name
    ttl_seconds: Annotated[float, Field(gt=0, le=MAX_TTL)] = 30


class ReleasedLease(Body):
    lease_token: Name


class NewConversation(Body):
    """A visitor's conversation; the user is taken only from a caller with an API key."""

    user_id: Name | None = None
    metadata: Metadata = {}


class NewMessage(Body):
    message: str
    client_message_id: str | None = None
