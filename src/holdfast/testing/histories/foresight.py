"""What all answers together say of a session beforehand, so that a search need not find it out.

Nothing here excludes an order that agrees with the answers. What an answer shows of a revision is
so whenever that revision is reached; with the change that leads to a revision known, what it must
have been before follows; and a revision, an incarnation or an item cannot be left behind before
those who saw it have begun.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from holdfast.testing.histories.acts import Act, Effect
from holdfast.testing.histories.specification import State

Revision = tuple[str, int]


class Required(NamedTuple):
    """What integers and values must be; None for a value that must not be there."""

    integers: Mapping[str, int]
    values: Mapping[str, str | None]

    def meets(self, state: State) -> bool:
        """Say whether a session is as required."""
        return all(
            state.integers.get(name, 0) == value for name, value in self.integers.items()
        ) and all(state.values.get(name) == value for name, value in self.values.items())


class Foresight:
    """What is known of every revision, incarnation and item."""

    def __init__(self, acts: Sequence[Act]) -> None:
        self._makers: dict[Revision, Act] = {}
        self._last_read: dict[Revision, int] = {}
        self._last_alive: dict[str, int] = {}
        self.highest: dict[str, int] = {}
        for act in acts:
            self._note(act)
        self._required = _Requirements(acts, self._makers).of_all(self.highest)
        self._items = _Items(acts)
        self._shown = set(_shown(acts))
        self._attempts = Counter(act.tag for act in acts)
        created = {sight[0] for sight in self._makers if sight[1] == 1}
        self.orphans = frozenset(self.highest) - created
        conflicts = (act.event.answer for act in acts if act.error == "RevisionConflict")
        self._conflict = max((facts["found"] for facts in conflicts if facts), default=0)

    def _note(self, act: Act) -> None:
        sight = act.sight
        if sight is None:
            return
        revision = sight.incarnation, sight.revision
        self._last_alive[sight.incarnation] = act.begin
        self.highest[sight.incarnation] = max(
            sight.revision, self.highest.get(sight.incarnation, 0)
        )
        if sight.made:
            self._makers.setdefault(revision, act)
        if not sight.echo:
            self._last_read[revision] = act.begin

    def likeness(self, act: Act) -> str:
        """Give what is equal for two calls of which one would do as well as the other.

        Values that no answer shows are all alike, and so are ids that no other attempt has.
        """
        effect = act.effect
        if effect is None:
            return act.likeness
        hidden = {*effect.set.values(), *effect.append} - self._shown
        alike = effect._replace(
            set={name: _masked(value, hidden) for name, value in effect.set.items()},
            append=tuple(_masked(item, hidden) for item in effect.append),
            change_id=effect.change_id if self._attempts[act.tag] > 1 else None,
            content="",
        )
        return f"{act.kind} {alike}"

    def allows(self, before: State, after: State, act: Act, horizon: int) -> bool:
        """Say whether a session may go on so, before the horizon."""
        moved = after.revision != before.revision or after.incarnation != before.incarnation
        if moved and not (self._may_leave(before, after, horizon) and self._fits(after, act)):
            return False
        return after.log is before.log or self._items.allow(before, after, horizon)

    def _may_leave(self, before: State, after: State, horizon: int) -> bool:
        revision = before.incarnation, before.revision
        if self._last_read.get(revision, 0) > horizon:
            return False
        if before.incarnation == after.incarnation:
            return True
        finished = self.highest.get(before.incarnation, 0) <= before.revision
        return finished and self._last_alive.get(before.incarnation, 0) <= horizon

    def _fits(self, after: State, act: Act) -> bool:
        revision = after.incarnation, after.revision
        maker = self._makers.get(revision)
        if maker is not None and maker.tag != act.tag:
            return False
        required = self._required.get(revision)
        return required is None or required.meets(after)

    def beyond(self, state: State) -> bool:
        """Say whether no answer tells of a later revision of this incarnation."""
        highest = max(self.highest.get(state.incarnation, 0), self._conflict)
        return state.revision >= highest


def _masked(value: str, hidden: Container[str]) -> str:
    return "?" if value in hidden else value


def _shown(acts: Iterable[Act]) -> Iterator[str]:
    """Give every value and item that an answer shows."""
    for act in acts:
        if act.sight is not None and act.sight.values is not None:
            yield from act.sight.values.values()
        yield from (item for _, item in act.items)
        if act.item is not None:
            yield act.item[1]


class _Requirements:
    """What every revision must be, from what is seen of it and of those after it."""

    def __init__(self, acts: Sequence[Act], makers: Mapping[Revision, Act]) -> None:
        self._makers = makers
        self._seen: dict[Revision, Required] = {}
        known = [act for act in acts if act.effect and (act.ok or act.unknown)]
        effects = [act.effect for act in known if act.effect]
        self._values = {name for effect in effects for name in (*effect.set, *effect.unset)}
        self._integers = {name for effect in effects for name in _moved(effect)}
        for act in acts:
            if act.sight is not None and act.sight.values is not None:
                self._values |= act.sight.values.keys()
            if act.sight is not None:
                self._integers |= act.sight.integers.keys()
        self._loose = [
            act.effect for act in known if act.effect and not (act.sight and act.sight.made)
        ]
        for act in acts:
            self._see(act)

    def _see(self, act: Act) -> None:
        sight = act.sight
        if sight is None:
            return
        integers = {name: sight.integers.get(name, 0) for name in self._integers}
        values: dict[str, str | None] = {}
        if sight.values is not None:
            values = {name: sight.values.get(name) for name in self._values}
        revision = sight.incarnation, sight.revision
        if values or revision not in self._seen:
            self._seen[revision] = Required(integers, values)

    def of_all(self, highest: Mapping[str, int]) -> dict[Revision, Required]:
        """Give what is required of each revision."""
        return {
            (incarnation, revision): required
            for incarnation, last in highest.items()
            for revision, required in self._backwards(incarnation, last)
        }

    def _backwards(self, incarnation: str, last: int) -> Iterator[tuple[int, Required]]:
        required = Required({}, {})
        for revision in range(last, 0, -1):
            seen = self._seen.get((incarnation, revision))
            if seen is not None:
                required = Required(seen.integers, seen.values or required.values)
            yield revision, required
            maker = self._makers.get((incarnation, revision))
            effect = maker.effect if maker else None
            required = _before(required, effect) if effect else self._before_any(required)

    def _before_any(self, required: Required) -> Required:
        """Keep what no change without a known revision can have touched."""
        for effect in self._loose:
            required = _untouched(required, effect)
        return required


def _before(required: Required, effect: Effect) -> Required:
    """Say what a session must have been for a change to make it what is required."""
    kept = _untouched(required, effect)
    if effect.whole:
        return kept
    integers = dict(kept.integers)
    for name, delta in effect.add.items():
        if name in required.integers:
            integers[name] = required.integers[name] - delta
    return Required({**integers, **dict.fromkeys(effect.claim, 0)}, kept.values)


def _untouched(required: Required, effect: Effect) -> Required:
    if effect.whole:
        return Required({}, {})
    moved, touched = set(_moved(effect)), {*effect.set, *effect.unset}
    if not moved & required.integers.keys() and not touched & required.values.keys():
        return required
    return Required(
        {name: value for name, value in required.integers.items() if name not in moved},
        {name: value for name, value in required.values.items() if name not in touched},
    )


def _moved(effect: Effect) -> Iterable[str]:
    return *effect.put, *effect.add, *effect.claim


class _Items:
    """Where items that were appended once are seen, and until when."""

    def __init__(self, acts: Sequence[Act]) -> None:
        several = any(act.kind == "delete" and not act.error for act in acts)
        appended = Counter(_appended(acts, once=not several))
        self._numbers: dict[str, int] = {}
        self._at: dict[int, str] = {}
        self._last_shown: dict[str, int] = {}
        for act in acts:
            for number, item in (*act.items, *_numbered(act)):
                if appended[item] == 1:
                    self._numbers.setdefault(item, number)
                if not several:
                    self._at.setdefault(number, item)
            for _, item in act.items:
                if appended[item] == 1:
                    self._last_shown[item] = act.begin

    def allow(self, before: State, after: State, horizon: int) -> bool:
        """Say whether items may come and go so."""
        return all(
            self._numbers.get(item, number) == number and self._at.get(number, item) == item
            for number, item in _added(before, after)
        ) and all(self._last_shown.get(item, 0) <= horizon for _, item in _removed(before, after))


def _appended(acts: Iterable[Act], *, once: bool) -> Iterator[str]:
    """Give the items of all changes that may have been applied, as often as they may have been.

    Attempts under one id are one change, but one of its own in each life of the session.
    """
    changes: dict[str, tuple[str, ...]] = {}
    for act in acts:
        if act.effect is not None and (act.ok or act.unknown):
            changes[act.tag if once else f"{act.tag}/{act.place}"] = act.effect.append
    for items in changes.values():
        yield from items


def _numbered(act: Act) -> Iterator[tuple[int, str]]:
    if act.item is not None:
        yield act.item
    if act.first_number is not None and act.effect is not None:
        yield from enumerate(act.effect.append, start=act.first_number)


def _added(before: State, after: State) -> Iterator[tuple[int, str]]:
    for number, item in reversed(after.log):
        if number <= before.last_item and after.incarnation == before.incarnation:
            return
        yield number, item


def _removed(before: State, after: State) -> Iterator[tuple[int, str]]:
    if not after.log:
        yield from before.log
        return
    oldest, newest = after.log[0][0], after.log[-1][0]
    for number, item in before.log:
        if number >= oldest:
            break
        yield number, item
    yield from (entry for entry in before.log[-1:] if entry[0] > newest)
