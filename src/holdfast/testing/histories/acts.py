"""Events made ready for checking: what each would do to a session, and what it saw of one.

JSON values are compared as canonical text, so that `1`, `1.0` and `true` differ, as they must.
Integers are compared without zeros: a counter that was never moved and one at 0 are the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from holdfast.testing.histories.events import Event

ENDLESS: Final = 1 << 62

NO_SUCH_SESSION: Final = "SessionNotFound"
# Errors that only a session that is there can be the reason of.
OF_A_SESSION: Final = frozenset({"SessionExists", "RevisionConflict", "FlagTaken", "LimitReached"})
# Calls whose empty answer tells of no session.
SILENT: Final = frozenset({"get", "touch", "extend", "exists", "delete", "release"})


class Effect(NamedTuple):
    """What a change does, on which conditions. `whole` puts all values and integers in place."""

    set: Mapping[str, str] = {}
    unset: tuple[str, ...] = ()
    put: Mapping[str, int] = {}
    add: Mapping[str, int] = {}
    at_most: Mapping[str, int] = {}
    claim: tuple[str, ...] = ()
    append: tuple[str, ...] = ()
    whole: bool = False
    expect_incarnation: str | None = None
    expect_revision: int | None = None
    lease_token: str | None = None
    change_id: str | None = None
    content: str = ""


class Sight(NamedTuple):
    """A session as an answer showed it; `values` is None where they are not part of the answer.

    `made` says that the operation itself led to this revision, `echo` that the answer was given
    before: the session may have gone on since.
    """

    incarnation: str
    revision: int
    integers: Mapping[str, int]
    values: Mapping[str, str] | None
    made: bool
    echo: bool = False


@dataclass(frozen=True)
class Act:
    """An event with its meaning."""

    event: Event
    place: int
    kind: str = field(init=False)
    begin: int = field(init=False)
    end: int = field(init=False)
    ok: bool = field(init=False)
    unknown: bool = field(init=False)

    def __post_init__(self) -> None:
        event = self.event
        refused = event.outcome == "refused" or (event.kind == "claim" and event.answer is False)
        vars(self).update(
            kind=_kind(event),
            begin=event.begin,
            end=event.end,
            ok=event.outcome == "ok" and not refused,
            unknown=event.outcome == "unknown",
        )

    @cached_property
    def error(self) -> str:
        """Name why it was refused; "" when it was not."""
        if self.kind == "claim" and self.event.answer is False:
            return "FlagTaken"
        return "" if self.unknown else self.event.error

    @cached_property
    def creates(self) -> bool:
        """Say whether it would bring a session into being."""
        return self.kind == "create" or (self.kind == "set" and not self.event.request["revision"])

    @cached_property
    def effect(self) -> Effect | None:
        """Say what it does to values, integers and the log; None when it does nothing to them."""
        request = self.event.request
        match self.kind:
            case "create" | "set":
                return _whole(request)
            case "apply":
                return _change(request)
            case "transact":
                added = {request["name"]: request["delta"]}
                return Effect(set=texts(request.get("set", {})), add=added)
            case "increment":
                name, cap = request["name"], request.get("at_most", ENDLESS)
                return Effect(add={name: request.get("delta", 1)}, at_most={name: cap})
            case "claim":
                return Effect(claim=(request["flag"],))
            case "append":
                return Effect(append=tuple(map(text, request["items"])))
            case _:
                return None

    @cached_property
    def sight(self) -> Sight | None:
        """Say at which revision the answer showed the session."""
        answer = self.event.answer
        if not self.ok or answer is None:
            return None
        match self.kind:
            case "create" | "get":
                values = texts(answer["values"])
                return _sight(answer, values, made=self.kind == "create")
            case "set" | "apply" | "transact":
                return _sight(answer, None, made=True)
            case _:
                return None

    @cached_property
    def moves(self) -> bool:
        """Say whether it leads a live session to its next revision, if it takes effect."""
        if self.kind in {"pop_item", "clear_items"}:
            return True
        return self.effect is not None and not self.creates

    @cached_property
    def shows_absence(self) -> bool:
        """Say whether there was no session at some time during the act."""
        if self.error:
            return self.error == NO_SUCH_SESSION
        if not self.ok:
            return False
        if self.creates or self.kind == "delete":
            return True
        return self.kind in SILENT and self.kind != "release" and not self.event.answer

    @cached_property
    def shows_presence(self) -> bool:
        """Say whether there was a session, one that the act itself did not create."""
        if self.error:
            return self.error in OF_A_SESSION
        if not self.ok or self.creates:
            return False
        return self.kind not in SILENT or bool(self.event.answer)

    @cached_property
    def item(self) -> tuple[int, str] | None:
        """Give the item that was popped."""
        popped = self.event.answer if self.ok and self.kind == "pop_item" else None
        return (popped[0], text(popped[1])) if popped else None

    @cached_property
    def items(self) -> tuple[tuple[int, str], ...]:
        """Give the items that were read."""
        if not self.ok or self.kind != "items":
            return ()
        return tuple((number, text(value)) for number, value in self.event.answer)

    @cached_property
    def tag(self) -> str:
        """Name the change: attempts under one change id are the same."""
        change_id = self.effect.change_id if self.effect else None
        return f"#{self.place}" if change_id is None else f"id:{change_id}"

    @cached_property
    def likeness(self) -> str:
        """Give what is equal for two calls that would do the same."""
        return self.kind + text(self.event.request)

    @property
    def first_number(self) -> int | None:
        """Give the number of the first item appended; None when the answer does not tell."""
        if not self.ok or self.effect is None or not self.effect.append:
            return None
        if self.kind == "append":
            return int(self.event.answer) - len(self.effect.append) + 1
        return None if self.sight and self.sight.echo else self.event.answer.get("first_item")


def _kind(event: Event) -> str:
    """Name what was done: `get_or_create` reads, unless it made what it answers, or may have."""
    if event.kind != "get_or_create":
        return event.kind
    found = event.outcome == "ok" and event.answer["values"] != event.request["values"]
    return "get" if found else "create"


def text(value: Any) -> str:
    """Write a value so that equal values, and no others, have equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Write each of several values."""
    return {name: text(value) for name, value in values.items()}


def nonzero(integers: Mapping[str, int]) -> dict[str, int]:
    """Leave out what is at zero."""
    return {name: value for name, value in integers.items() if value}


def _sight(answer: Mapping[str, Any], values: dict[str, str] | None, *, made: bool) -> Sight:
    echo = bool(answer.get("replayed"))
    return Sight(
        answer["incarnation"],
        answer["revision"],
        nonzero(answer["integers"]),
        values,
        made,
        echo,
    )


def _whole(request: Mapping[str, Any]) -> Effect:
    revision = request.get("revision") or None
    return Effect(
        set=texts(request.get("values", {})),
        put=request.get("integers", {}),
        whole=True,
        expect_revision=revision,
        expect_incarnation=request.get("incarnation") if revision else None,
    )


def _change(request: Mapping[str, Any]) -> Effect:
    content = [request.get(part) for part in ("set", "unset", "put", "add", "claim", "append")]
    return Effect(
        set=texts(request.get("set", {})),
        unset=tuple(request.get("unset", ())),
        put=request.get("put", {}),
        add=request.get("add", {}),
        at_most=request.get("at_most", {}),
        claim=tuple(request.get("claim", ())),
        append=tuple(map(text, request.get("append", ()))),
        expect_incarnation=request.get("expect_incarnation"),
        expect_revision=request.get("expect_revision"),
        lease_token=request.get("lease_token"),
        change_id=request.get("change_id"),
        content=text(content),
    )
