"""A check in linear time: what was read at a revision is what the changes up to it made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

from holdfast.testing.histories.acts import Act, Effect, Sight
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition, Seen
from holdfast.testing.histories.revisions import Stop, makers, stops
from holdfast.testing.histories.specification import State, applied


def right_contents(partition: Partition) -> Iterator[Finding]:
    """Find answers that show other contents than their revision has."""
    loose = _Loose.of(partition)
    replay = _Replay(partition, loose)
    for stop in stops(partition):
        yield from replay.reach(stop)


@dataclass
class _Loose:
    """What the changes without a known revision may have done, to anything, at any time."""

    values: dict[str, set[str | None]] = field(default_factory=dict[str, set[str | None]])
    integers: set[str] = field(default_factory=set[str])
    all_integers: bool = False
    acts: list[Act] = field(default_factory=list[Act])

    @classmethod
    def of(cls, partition: Partition) -> "_Loose":
        """Collect what they may have done."""
        loose = cls()
        for act in partition.acts:
            placed = act.sight is not None and act.sight.made
            if act.effect is not None and (act.ok or act.unknown) and not placed:
                loose._add(act, act.effect)
        return loose

    def _add(self, act: Act, effect: Effect) -> None:
        for name, value in effect.set.items():
            self.values.setdefault(name, set()).add(value)
        for name in effect.unset:
            self.values.setdefault(name, set()).add(None)
        self.integers.update(effect.put, effect.add, effect.claim)
        self.all_integers |= effect.whole
        if effect.whole:
            self.acts.append(act)

    def may_be(self, name: str, value: str | None) -> bool:
        """Say whether one of these changes may have left this value."""
        whole = any(act.effect and act.effect.set.get(name) == value for act in self.acts)
        return whole or value in self.values.get(name, ())

    def may_move(self, name: str) -> bool:
        """Say whether one of these changes may have moved this integer."""
        return self.all_integers or name in self.integers


class _Replay:
    """Makes the changes again, revision by revision, and compares with what was seen."""

    def __init__(self, partition: Partition, loose: _Loose) -> None:
        self._partition = partition
        self._loose = loose
        self._state = State()
        self._maker: Act | None = None
        # Since the last read a change without a known revision may have touched anything but these.
        self._doubtful = False
        self._settled: set[str] = set()

    def reach(self, stop: Stop) -> Iterator[Finding]:
        """Go on to the next revision that was seen."""
        if stop.incarnation != self._state.incarnation:
            self._state = State(incarnation=stop.incarnation)
            self._doubtful = False
        made = makers(stop)
        if stop.revision - self._state.revision > bool(made):
            self._doubtful, self._settled = True, set()
        self._maker = made[0] if made else None
        if self._maker is not None and self._maker.effect is not None:
            self._make(self._maker.effect)
        self._state = self._state._replace(revision=stop.revision)
        for seen in stop.seen:
            yield from self._compare(seen)

    def _make(self, effect: Effect) -> None:
        """Apply a change; what it sets is not in doubt any more."""
        state = applied(self._state._replace(log=(), made={}), effect, max_items=1)
        self._state = state._replace(log=(), made={})
        if effect.whole:
            self._doubtful = False
        self._settled |= {*effect.set, *effect.unset, *effect.put, *effect.claim}

    def _compare(self, seen: Seen) -> Iterator[Finding]:
        sight = seen.sight
        for wrong in islice(chain(self._wrong_integers(sight), self._wrong_values(sight)), 1):
            name, found, expected = wrong
            why = (
                f"At revision {sight.revision} the changes up to it made {name} {expected}, "
                f"but {found} was answered."
            )
            maker = [self._maker] if self._maker is not None else []
            yield self._partition.finding("wrong_value", why, *maker, seen.act)
        self._learn(sight)

    def _wrong_integers(self, sight: Sight) -> Iterator[tuple[str, str, str]]:
        own = self._state.integers
        for name in sorted(own.keys() | sight.integers.keys()):
            expected, found = own.get(name, 0), sight.integers.get(name, 0)
            if expected != found and not self._in_doubt(name, self._loose.may_move(name)):
                yield name, str(found), str(expected)

    def _wrong_values(self, sight: Sight) -> Iterator[tuple[str, str, str]]:
        shown, own = sight.values, self._state.values
        if shown is None:
            return
        for name in sorted(own.keys() | shown.keys()):
            expected, found = own.get(name), shown.get(name)
            if expected != found and not self._in_doubt(name, self._loose.may_be(name, found)):
                yield name, found or "nothing", expected or "nothing"

    def _in_doubt(self, name: str, possible: bool) -> bool:
        return self._doubtful and possible and name not in self._settled

    def _learn(self, sight: Sight) -> None:
        """Go on from what was answered, so that one difference is told once."""
        values: Mapping[str, str] = self._state.values if sight.values is None else sight.values
        self._state = self._state._replace(integers=sight.integers, values=values)
        if sight.values is not None:
            self._doubtful = False
        else:
            self._settled |= self._loose.integers | self._state.integers.keys()
