"""Checks in linear time: changes are applied once, errors are as agreed, answers one's own."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, cast

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import Event
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition

OWNER: Final = "of"
# How many changes a session remembers at least; an id repeated later is not judged.
REMEMBERED: Final = 256
# What may be answered to any call, and to some.
TO_ANY: Final = frozenset({"InvalidSession", "StoreUnavailable"})
TO_SOME: Final[Mapping[str, frozenset[str]]] = {
    "create": frozenset({"SessionExists"}),
    "set": frozenset({"SessionNotFound", "RevisionConflict"}),
    "apply": frozenset(
        {"SessionNotFound", "LeaseLost", "RevisionConflict", "LimitReached", "FlagTaken"}
    ),
    "increment": frozenset({"SessionNotFound", "LimitReached"}),
    "claim": frozenset({"SessionNotFound", "FlagTaken"}),
    "append": frozenset({"SessionNotFound"}),
    "items": frozenset({"SessionNotFound"}),
    "transact": frozenset({"SessionNotFound"}),
    "pop_item": frozenset({"SessionNotFound"}),
    "clear_items": frozenset({"SessionNotFound"}),
    "delete": frozenset({"RevisionConflict"}),
    "acquire": frozenset({"SessionNotFound", "LeaseUnavailable"}),
    "steal": frozenset({"SessionNotFound"}),
    "renew": frozenset({"SessionNotFound", "LeaseLost"}),
}
# Ways in which a call may go without an answer that are no fault of the store.
UNANSWERED: Final = frozenset({"", "cut off", "CancelledError", "StoreUnavailable", "TimeoutError"})


def stamp(session: str, *, by: str, number: int, **more: Any) -> dict[str, Any]:
    """Make a value that says whose it is; `number` is never used twice by one writer."""
    return {OWNER: session, "by": by, "n": number, **more}


def changes_applied_once(partition: Partition) -> Iterator[Finding]:
    """Find changes applied twice under one id, answered otherwise then, or repeating nothing."""
    for tag, attempts in partition.changes.items():
        if all(map(_says_repeated, attempts)):
            why = "It was answered as what had been sent before, and nobody had sent it."
            yield partition.finding("replay_of_nothing", why, *attempts[:2])
        answered = [act for act in attempts if act.sight is not None and tag.startswith("id:")]
        for first, second in pairwise(answered):
            if why := _disagreement(first, second):
                yield partition.finding("change_applied_twice", why, first, second)
                break


def _says_repeated(act: Act) -> bool:
    """Say whether the answer is that of an earlier attempt, which the store did not make itself."""
    return act.sight is not None and act.sight.echo and not act.event.repeated


def _disagreement(first: Act, second: Act) -> str:
    one, other = first.sight, second.sight
    if one is None or other is None or one.incarnation != other.incarnation:
        return ""
    if abs(one.revision - other.revision) > REMEMBERED:
        return ""
    if not one.echo and not other.echo:
        return "Both attempts at one change were told that they applied it."
    if one._replace(echo=True) != other._replace(echo=True):
        return "The second attempt at a change was not given the answer to the first."
    return ""


def errors_agreed_on(partition: Partition) -> Iterator[Finding]:
    """Find errors that the call cannot end with."""
    yield from unexpected_errors(act.event for act in partition.acts)
    yield from unexpected_errors(partition.watches)


def unexpected_errors(events: Iterable[Event]) -> Iterator[Finding]:
    """Find errors that the call cannot end with, of any calls."""
    for event in events:
        error = event.error
        if event.outcome == "unknown":
            agreed = error in UNANSWERED
        else:
            agreed = not error or error in TO_ANY or error in TO_SOME.get(event.kind, ())
        if not agreed:
            why = f"{event.kind} does not end with {error} while the store keeps its promises."
            yield Finding("unexpected_error", event.session, (event,), why)


def own_answers(partition: Partition) -> Iterator[Finding]:
    """Find values that another session was stamped with."""
    for act in partition.acts:
        if act.ok and (owner := _foreign(act.event.answer, partition.session)) is not None:
            why = f"The answer holds a value of session {owner}."
            yield partition.finding("foreign_answer", why, act)


def _foreign(answer: Any, session: str) -> str | None:
    """Give the owner of a value in an answer, if it is another session."""
    match answer:
        case {"of": str(owner), "by": _, "n": _}:
            return owner if owner != session else None
        case _:
            found = (_foreign(part, session) for part in _parts(answer))
            return next((owner for owner in found if owner is not None), None)


def _parts(answer: Any) -> Iterable[Any]:
    if isinstance(answer, dict):
        return cast("dict[str, Any]", answer).values()
    return cast("Iterable[Any]", answer if isinstance(answer, list) else ())


def own_incarnations(partitions: Iterable[Partition]) -> Iterator[Finding]:
    """Find incarnations that answered under two ids."""
    first: dict[str, tuple[Partition, Act]] = {}
    for partition in partitions:
        for incarnation, seen in partition.incarnations.items():
            own = partition, seen[0].act
            other, act = first.setdefault(incarnation, own)
            if other is not partition:
                why = f"The answer is of the incarnation that lives under {other.session}."
                yield partition.finding("foreign_answer", why, act, seen[0].act)
