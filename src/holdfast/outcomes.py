"""What a backend answers. Times are whole microseconds; see `holdfast.backend`."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from holdfast.records import Record, StoredItem


class Absent(NamedTuple):
    """There is no such session: never created, deleted, or expired."""


class Created(NamedTuple):
    """The new session."""

    record: Record


class Existing(NamedTuple):
    """The session that already has the id."""

    record: Record


class Found(NamedTuple):
    """The session as it is."""

    record: Record


class Changed(NamedTuple):
    """A change was applied, or (`replayed`) had been applied under the same change id."""

    incarnation: str
    revision: int
    integers: Mapping[str, int]
    first_item: int | None
    last_item: int
    replayed: bool = False


class ChangeIdReused(NamedTuple):
    """The change id is known, with another content."""


class Forgotten(NamedTuple):
    """The change may have been applied before; what is remembered does not go back that far."""


class LeaseGone(NamedTuple):
    """The lease is not this token's any more."""


class Conflict(NamedTuple):
    """The session is at another revision, or is another incarnation, than expected."""

    found: int


class OverLimit(NamedTuple):
    """A counter would leave its range."""

    name: str
    value: int
    limit: int


class FlagUp(NamedTuple):
    """A claimed flag is up already."""

    name: str


class TooLarge(NamedTuple):
    """The values of the session would be larger than allowed, in bytes."""

    size: int
    limit: int


class UserDiffers(NamedTuple):
    """A session cannot be replaced by one of another user."""


class Deleted(NamedTuple):
    """Whether there was a session to delete."""

    existed: bool


class ItemsFound(NamedTuple):
    """A stretch of the log."""

    items: tuple[StoredItem, ...]
    length: int
    last_item: int


class Dropped(NamedTuple):
    """The newest item that was removed; None when the log was empty or all of it was cleared."""

    item: StoredItem | None
    revision: int


class DraftKept(NamedTuple):
    """The note stands beside the session."""


class DraftFound(NamedTuple):
    """The note as it was kept last; empty where there is none."""

    sealed: bytes


class Resealed(NamedTuple):
    """How many parts were exchanged."""

    parts: int


class Granted(NamedTuple):
    """The lease is this token's for `remaining` more microseconds; `fence` only grows."""

    fence: int
    remaining: int


class Held(NamedTuple):
    """Somebody else has the lease, or is before this token in the line for it.

    It is worth asking again after `remaining` microseconds, or when the bell rings; who stands in
    line has to ask again within `beat`, where that is not 0.
    """

    remaining: int
    beat: int = 0


class Released(NamedTuple):
    """Whether the lease was this token's."""

    was_held: bool


class Allowance(NamedTuple):
    """Whether the cost was taken; what is left, and when it or all of it will be available."""

    allowed: bool
    remaining: int
    retry_after: int
    reset_after: int


class Counted(NamedTuple):
    """How many sessions are live."""

    sessions: int


class Listed(NamedTuple):
    """A page of `(session id, record)`; `cursor` is None at the end."""

    sessions: tuple[tuple[str, Record], ...]
    cursor: tuple[int, str] | None


class Purged(NamedTuple):
    """The ids that were collected."""

    session_ids: tuple[str, ...]


Outcome = (
    Absent | Created | Existing | Found | Changed | ChangeIdReused | Forgotten | LeaseGone
    | Conflict | OverLimit | FlagUp | TooLarge | UserDiffers | Deleted | ItemsFound | Dropped
    | DraftKept | DraftFound | Resealed | Granted | Held | Released | Allowance | Counted | Listed
    | Purged
)  # fmt: skip

# What a store says when it is well and the caller may not.
REFUSALS: Final = (
    Existing, ChangeIdReused, Forgotten, LeaseGone, Conflict, OverLimit, FlagUp, TooLarge,
    UserDiffers, Held,
)  # fmt: skip
