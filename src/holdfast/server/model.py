"""The sessions that the service keeps."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.layout import Layout
from holdfast.rotation import Rotating
from holdfast.session import MAX_INTEGER, SupportSession, UtcTime


class Rated(BaseModel):
    """What a visitor thinks of one answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    value: Literal["up", "down"]
    reason: str | None = None
    at: UtcTime


class ServiceSession(SupportSession, Rotating):
    """A conversation, and what a repeated request to create it is recognised by.

    `budget_limit` is what it may spend, in micro-units, until its budget is given another limit.
    """

    created_by: str | None = Field(None, exclude=True, repr=False)
    feedback: tuple[Rated, ...] = Field((), exclude=True, repr=False)
    budget_limit: int | None = Field(None, ge=0, le=MAX_INTEGER, exclude=True, repr=False)


# Fields that are never shown and never accepted.
PRIVATE: Final = frozenset(
    name for name, field in ServiceSession.model_fields.items() if field.exclude
)
_LAYOUT: Final = Layout.of(ServiceSession)
COUNTERS: Final = tuple(name for name in (*_LAYOUT.limits, *_LAYOUT.flags) if name not in PRIVATE)
