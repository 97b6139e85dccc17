"""The one write primitive, and what comes back from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from holdfast.errors import InvalidSession

MAX_NAME: Final = 255


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

    set: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unset: Iterable[str] = ()
    add: Mapping[str, int] = field(default_factory=dict[str, int])
    at_most: Mapping[str, int] = field(default_factory=dict[str, int])
    claim: Iterable[str] = ()
    append: Iterable[Any] = ()
    expect_revision: int | None = None
    expect_incarnation: str | None = None
    lease_token: str | None = None
    change_id: str | None = None

    def __post_init__(self) -> None:
        if not (type(self.set) is type(self.add) is type(self.at_most) is dict):
            self._check_mappings()
        if self.unset != ():
            object.__setattr__(self, "unset", _listed_names("unset", self.unset))
        if self.claim != ():
            object.__setattr__(self, "claim", _listed_names("claim", self.claim))
        if self.append != ():
            object.__setattr__(self, "append", _listed("append", self.append))
        if self.expect_revision is not None and type(self.expect_revision) is not int:
            raise InvalidSession("expect_revision", "must be an integer")
        if self.expect_incarnation is not None:
            check_name("expect_incarnation", self.expect_incarnation)
        if self.lease_token is not None:
            check_name("lease_token", self.lease_token)
        if self.change_id is not None:
            check_name("change_id", self.change_id)

    def _check_mappings(self) -> None:
        for name in ("set", "add", "at_most"):
            if not isinstance(getattr(self, name), Mapping):
                raise InvalidSession(name, "must be a mapping")

    def at(self, incarnation: str, revision: int) -> "Change":
        """Make the same change on the condition that the session is still at this revision."""
        return replace(self, expect_incarnation=incarnation, expect_revision=revision)

    def under(self, lease_token: str) -> "Change":
        """Make the same change on the condition that the lease is still held."""
        return replace(self, lease_token=lease_token)


def _listed_names(field_name: str, given: Any) -> tuple[str, ...]:
    return tuple([check_name(field_name, name) for name in _listed(field_name, given)])


def _listed(field_name: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__"):
        raise InvalidSession(field_name, "must be a list")
    return tuple(given)


def check_name(field: str, name: Any) -> str:
    """Give a name or a token back when it can be written: 1-255 characters of any language.

    Raises:
        InvalidSession: it cannot; the error names `field`.
    """
    if type(name) is not str or not 1 <= len(name) <= MAX_NAME:
        raise InvalidSession(field, f"must be a string of 1-{MAX_NAME} characters")
    try:
        name.encode()
    except UnicodeEncodeError as exc:
        raise InvalidSession(field, "must not contain lone surrogates") from exc
    return name


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
