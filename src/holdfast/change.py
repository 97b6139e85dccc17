"""The one write primitive, and what comes back from it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Self, cast

from holdfast.assembling import assemble
from holdfast.errors import InvalidSession
from holdfast.freezing import FrozenDict

MAX_NAME: Final = 255
NOTHING: Final = FrozenDict()
# Stands between the name of a family of counters and the key of one of them.
MEMBER: Final = "."


class _Parts(NamedTuple):
    set: Mapping[str, Any]
    unset: tuple[str, ...]
    add: Mapping[str, int]
    at_most: Mapping[str, int]
    claim: tuple[str, ...]
    append: tuple[Any, ...]
    expect_revision: int | None
    expect_incarnation: str | None
    lease_token: str | None
    change_id: str | None
    known_revision: int | None


class Change(_Parts):
    """Everything that one step does to a session, all or nothing.

    `set` and `unset` name declared fields or metadata keys (`unset` zeroes a counter and lowers a
    flag); `add` moves counters (also `"family.key"`), held below `at_most`; `claim` raises flags
    that must be down;
    `append` puts values at the end of the log. `expect_revision` (of `expect_incarnation`, when
    given) and `lease_token` are conditions. `change_id` is the caller's idempotency key, 1-255
    characters: the same change sent twice under it is applied once and answered alike. A session
    remembers its last 256 changes at least; who sends one again gives the `known_revision` that the
    session was known at when it was first sent (0 for none), of `expect_incarnation` when given;
    where that is further back than what is remembered, or of another incarnation, it raises
    `StoreUnavailable` (outcome="unknown") instead of guessing.

    Applying raises `LimitReached`, `FlagTaken`, `RevisionConflict`, `LeaseLost`, `SessionNotFound`
    or `InvalidSession`, and then nothing of it was applied.
    """

    __slots__ = ()

    def __new__(
        cls,
        *,
        set: Mapping[str, Any] | None = None,
        unset: Iterable[str] = (),
        add: Mapping[str, int] | None = None,
        at_most: Mapping[str, int] | None = None,
        claim: Iterable[str] = (),
        append: Iterable[Any] = (),
        expect_revision: int | None = None,
        expect_incarnation: str | None = None,
        lease_token: str | None = None,
        change_id: str | None = None,
        known_revision: int | None = None,
    ) -> Self:
        """Check the form of every part; what is in them is checked when it is applied."""
        if expect_revision is not None:
            _check_expected(expect_revision)
        if known_revision is not None:
            _check_known(known_revision, change_id)
        # A change is made for every write, and most have two or three parts.
        return assemble(
            cls,
            (
                NOTHING if set is None else _mapping("set", set),
                () if unset == () else _names("unset", unset),
                NOTHING if add is None else _mapping("add", add),
                NOTHING if at_most is None else _mapping("at_most", at_most),
                () if claim == () else _names("claim", claim),
                () if append == () else _listed("append", append),
                expect_revision,
                None
                if expect_incarnation is None
                else check_name("expect_incarnation", expect_incarnation),
                None if lease_token is None else check_name("lease_token", lease_token),
                None if change_id is None else check_name("change_id", change_id),
                known_revision,
            ),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return self._make, (tuple(self),)

    def at(self, incarnation: str, revision: int) -> "Change":
        """Make the same change on the condition that the session is still at this revision."""
        check_name("expect_incarnation", incarnation)
        _check_expected(revision)
        return self._replace(expect_incarnation=incarnation, expect_revision=revision)

    def under(self, lease_token: str) -> "Change":
        """Make the same change on the condition that the lease is still held."""
        return self._replace(lease_token=check_name("lease_token", lease_token))


def _check_expected(revision: Any) -> None:
    if type(revision) is not int:
        raise InvalidSession("expect_revision", "must be an integer")


def _check_known(revision: Any, change_id: str | None) -> None:
    if type(revision) is not int or revision < 0:
        raise InvalidSession("known_revision", "must be an integer, 0 or more")
    if change_id is None:
        raise InvalidSession("known_revision", "needs the change_id that was sent before")


def _mapping(field: str, given: Any) -> Mapping[str, Any]:
    if type(given) is dict or isinstance(given, Mapping):
        return cast("Mapping[str, Any]", given)
    raise InvalidSession(field, "must be a mapping")


def _names(field: str, given: Any) -> tuple[str, ...]:
    return tuple([check_name(field, name) for name in _listed(field, given)])


def _listed(field: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__"):
        raise InvalidSession(field, "must be a list")
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


def check_change(change: Any) -> Change:
    """Give a change back when it is one.

    Raises:
        InvalidSession: it is something else; a mapping of values goes to `update`.
    """
    if isinstance(change, Change):
        return change
    raise InvalidSession("change", "must be a Change; values to set go to update()")


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
