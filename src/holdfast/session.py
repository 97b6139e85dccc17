"""What users read: a session, as a frozen value.

Subclass `Session` to declare state of your own. Four kinds of field can be declared:

- `Counter`: an integer that the store adds to, never below 0; `Field(default=0, le=1000)` caps it;
- `Counters`: a family of such integers, each added to by its own name, `"family.key"`, in a change,
  and read back as a mapping; one that comes to 0 is not kept;
- `Flag`: a boolean that exactly one caller raises;
- anything else that pydantic can write as JSON: one sealed value.

Values are written one at a time, so the rules of a field belong in its type
(`Annotated[str, AfterValidator(check)]`); a model that declares validators as
functions is refused.
"""

import logging
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
)

from holdfast.errors import InvalidSession
from holdfast.freezing import freeze

logger = logging.getLogger(__name__)

MAX_INTEGER: Final = 2**53 - 1
MAX_METADATA_BYTES: Final = 1_000_000
# Printable ASCII without what has a meaning in an address or a key: { } / ? # % \
_SESSION_ID: Final = re.compile(r"""[!"$&-.0->@-\[\]-z|~]{1,255}""")
_TAKEN_BY_ROUTES: Final = frozenset({"count", ".", ".."})
_MOMENT: Final = TypeAdapter(datetime)


class IntegerKind:
    """Marks what the store keeps as plain integers: a `"counter"`, its `"family"`, a `"flag"`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


COUNTER: Final = IntegerKind("counter")
FAMILY: Final = IntegerKind("family")
FLAG: Final = IntegerKind("flag")

Counter = Annotated[int, Field(ge=0, le=MAX_INTEGER, strict=True), COUNTER]
Counters = Annotated[
    Mapping[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")],
        Annotated[int, Field(ge=0, le=MAX_INTEGER, strict=True)],
    ],
    FAMILY,
]
Flag = Annotated[bool, FLAG]
Name = Annotated[str, Field(min_length=1, max_length=255)]


def _now() -> datetime:
    return datetime.now(UTC)


def _read_moment(value: Any) -> datetime:
    """Turn what came over a wire into an aware UTC time; what is no time is replaced by now."""
    try:
        return _as_utc(_MOMENT.validate_python(value))
    except ValueError:
        logger.warning("session.time_unreadable", extra={"type": type(value).__name__})
        return _now()


def _as_utc(moment: datetime) -> datetime:
    """Make a time aware and UTC; one without a zone is taken for UTC."""
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as exc:
        raise ValueError("lies outside the years 1 to 9999") from exc


# Of a session, for what comes from the store's edge; of a question, for what a caller asks.
Moment = Annotated[datetime, BeforeValidator(_read_moment)]
UtcTime = Annotated[datetime, AfterValidator(_as_utc)]


def check_session_id(session_id: str) -> str:
    """Give the id back when it can name a session.

    Raises:
        InvalidSession: not 1-255 printable ASCII characters, or one of those that have a meaning
            in an address or a key, or a name that the service's routes use.
    """
    if type(session_id) is not str or not _SESSION_ID.fullmatch(session_id):
        rule = r"must be 1-255 printable ASCII characters, without spaces and { } / ? # % \ "
        raise InvalidSession("session_id", rule.rstrip())
    if session_id in _TAKEN_BY_ROUTES:
        raise InvalidSession("session_id", f"must not be {session_id!r}")
    return session_id


class Session(BaseModel):
    """A session as it was at one revision.

    Times are aware and in UTC, by the store's clock. `revision` is 0 until the session is stored,
    1 at creation, and one more with every change; `incarnation` tells a re-created id apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    session_id: Annotated[str, BeforeValidator(check_session_id)]
    user_id: Name | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    created_at: Moment = Field(default_factory=_now)
    updated_at: Moment = Field(default_factory=_now)
    last_activity: Moment = Field(default_factory=_now)
    expires_at: Moment = Field(default_factory=_now)
    revision: int = Field(default=0, ge=0, le=MAX_INTEGER)
    incarnation: str = ""

    def model_post_init(self, context: Any, /) -> None:
        fields = vars(self)
        fields.update({name: freeze(value) for name, value in fields.items()})
        fields["updated_at"] = max(fields["updated_at"], fields["created_at"])

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        decorators = cls.__pydantic_decorators__
        if decorators.field_validators or decorators.model_validators or decorators.validators:
            raise TypeError(
                f"{cls.__name__} declares validators as functions. Values of a session are "
                "written one at a time: put the rule into the field's type (AfterValidator)."
            )
        if cls.__private_attributes__ or cls.model_post_init is not Session.model_post_init:
            raise TypeError(
                f"{cls.__name__} has private attributes or a model_post_init. A session is put "
                "together from what the store keeps, so they would never be set or run."
            )
        for name, field in cls.model_fields.items():
            _require_frozen(cls.__name__, name, field.annotation)


def _require_frozen(
    model: str, field: str, annotation: Any, seen: frozenset[type] = frozenset()
) -> None:
    """Refuse what a reader of a snapshot could alter, however deep in a field it is declared."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and kind not in seen:
        if _can_be_altered(kind):
            raise TypeError(
                f"{model}.{field} holds {kind.__name__}, which can be altered after it was "
                "read. Declare a model with model_config = ConfigDict(frozen=True) in its place."
            )
        if issubclass(kind, BaseModel):
            for inner in kind.model_fields.values():
                _require_frozen(model, field, inner.annotation, seen | {kind})
    for argument in get_args(annotation):
        _require_frozen(model, field, argument, seen)


def _can_be_altered(kind: type[Any]) -> bool:
    if issubclass(kind, BaseModel):
        return not kind.model_config.get("frozen")
    return is_dataclass(kind) or deque in kind.__mro__


class Fingerprint(BaseModel):
    """What is remembered of a visitor's client: a keyed tag a part, never the part itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str | None = None
    browser: str | None = None
    system: str | None = None


class Fact(BaseModel):
    """What a visitor told of themselves; after `expires_at` it is as if it had not been told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["email", "phone", "order", "preference"]
    value: Annotated[str, Field(min_length=1, max_length=255)]
    importance: Annotated[float, Field(ge=0, le=1)]
    expires_at: UtcTime


class RunMark(BaseModel):
    """What became of the newest run; there is none once its message has been answered.

    `message_id` is that of the visitor's message. A run that is `running` while nobody holds the
    session's lease was interrupted: its process is gone. `reason` is a sentence for the visitor.
    `stop` asks whoever runs it to stop. `lease_token` is that of the lease which it runs under.
    Of a run without an answer `retryable` says whether to repeat its message can help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: Name
    message_id: Name
    state: Literal["running", "interrupted", "failed", "cancelled"] = "running"
    reason: str = ""
    retryable: bool = True
    stop: bool = False
    lease_token: Name | None = None


class SupportSession(Session):
    """The session of one conversation with the support agent.

    `begun` is the greatest number of a message that is known to have had a run.
    """

    thread_id: Name | None = None
    request_id: Name | None = None
    message_count: Counter = Field(default=0, le=100_000)
    escalated: Flag = False
    ticket_id: Name | None = None
    fingerprint: Fingerprint | None = None
    secret_hash: str | None = Field(default=None, exclude=True, repr=False)
    facts: tuple[Fact, ...] = Field(default=(), exclude=True, repr=False)
    run: RunMark | None = Field(default=None, exclude=True, repr=False)
    begun: int = Field(default=0, ge=0, exclude=True, repr=False)


class SessionFilter(BaseModel):
    """Which sessions to list; what is None does not restrict.

    `between` restricts any declared counter or flag: `{"visits": (1, 10)}`, both ends included.

    Raises:
        ValidationError: a value that breaks its rule.
        InvalidSession: a range that ends before it begins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_id: Name | None = None
    escalated: bool | None = None
    created_after: UtcTime | None = None
    created_before: UtcTime | None = None
    min_messages: int | None = Field(default=None, ge=0, le=MAX_INTEGER)
    max_messages: int | None = Field(default=None, ge=0, le=MAX_INTEGER)
    between: Mapping[str, tuple[int, int]] = Field(default_factory=dict)

    def model_post_init(self, context: Any, /) -> None:
        for low, high in self.ranges().values():
            if low > high:
                raise InvalidSession("filter", "a range must not end before it begins")
        after, before = self.created_after, self.created_before
        if after is not None and before is not None and before < after:
            raise InvalidSession("created_before", "must not be before created_after")

    def ranges(self) -> dict[str, tuple[int, int]]:
        """Say which integers are restricted, and to what."""
        ranges = dict(self.between)
        if self.escalated is not None:
            ranges["escalated"] = (int(self.escalated), int(self.escalated))
        if self.min_messages is not None or self.max_messages is not None:
            high = MAX_INTEGER if self.max_messages is None else self.max_messages
            ranges["message_count"] = (self.min_messages or 0, high)
        return ranges
