"""The one write primitive, and what comes back from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from holdfast.errors import InvalidSession

MAX_CHANGE_ID: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Everything that one step does to a session, all or nothing.

    `set` and `unset` name declared fields or metadata keys (`unset` zeroes a counter and lowers a
    flag); `add` moves counters, held below `at_most`; `claim` raises flags that must be down;
    `append` puts values at the end of the log. `expect_revision` (of `expect_incarnation`, when
    given) and `lease_token` are conditions. `change_id` is the caller's idempotency key, 1-255
    characters: the same change sent twice under it is applied once and answered alike.

    Applying raises `LimitReached`, `FlagTaken`, `RevisionConflict`, `LeaseLost`, `SessionNotFound`
    or `InvalidSession`, and then nothing of it was applied.
    """

    set: Mapping[str, Any] = field(default_factory=dict)
    unset: Iterable[str] = ()
    add: Mapping[str, int] = field(default_factory=dict)
    at_most: Mapping[str, int] = field(default_factory=dict)
    claim: Iterable[str] = ()
    append: Iterable[Any] = ()
    expect_revision: int | None = None
    expect_incarnation: str | None = None
    lease_token: str | None = None
    change_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("unset", "claim", "append"):
            given = getattr(self, name)
            if isinstance(given, str | bytes | Mapping):
                raise InvalidSession(name, "must be a list")
            object.__setattr__(self, name, tuple(given))
        if self.change_id is not None and not 1 <= len(self.change_id) <= MAX_CHANGE_ID:
            raise InvalidSession("change_id", f"must have 1-{MAX_CHANGE_ID} characters")

    def at(self, incarnation: str, revision: int) -> "Change":
        """Make the same change on the condition that the session is still at this revision."""
        return replace(self, expect_incarnation=incarnation, expect_revision=revision)

    def under(self, lease_token: str) -> "Change":
        """Make the same change on the condition that the lease is still held."""
        return replace(self, lease_token=lease_token)


class Applied(NamedTuple):
    """The answer to a change.

    `counters` holds every counter and flag (0 or 1) as the change left them. `first_item` and
    `last_item` are the numbers of the first item appended and of the last one in the log; without
    an append `first_item` is None. `replayed` is True when the change had been applied before, and
    this is the first answer again.
    """

    incarnation: str
    revision: int
    counters: Mapping[str, int]
    first_item: int | None
    last_item: int
    replayed: bool


class Item(NamedTuple):
    """One entry of a session's log; `number` is never used twice in a session."""

    number: int
    at: datetime
    value: Any
