"""Checks in linear time: counters add up, no number is given twice, a flag has one winner."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from holdfast.testing.histories.acts import Act, Effect
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition


class Addition(NamedTuple):
    """One addition to a counter: it took effect between these times, if it did at all."""

    begin: int
    acknowledged: int
    delta: int
    act: Act


def counters_add_up(partition: Partition) -> Iterator[Finding]:
    """Find counters outside what was acknowledged, and what was acknowledged or is unknown.

    Only counters that nothing but additions moved, in sessions that lived once.
    """
    if not partition.one_life:
        return
    additions = _additions(partition)
    for name in sorted(_only_added(partition, additions)):
        bounds = _Bounds(additions[name])
        for act, value in _values_of(partition, name):
            low, high = bounds.at(act)
            if not low <= value <= high:
                why = (
                    f"Additions to {name} acknowledged before come to at least {low}, with those "
                    f"that may have happened to at most {high}; {value} was answered."
                )
                yield partition.finding("wrong_count", why, *bounds.near(act), act)
                break


def _additions(partition: Partition) -> dict[str, list[Addition]]:
    """Collect the additions by counter; all attempts at one change are one addition."""
    found: defaultdict[str, list[Addition]] = defaultdict(list)
    for attempts in partition.changes.values():
        effect = attempts[0].effect or Effect()
        begin = min(act.begin for act in attempts)
        acknowledged = min(act.end for act in attempts)
        moved = {**effect.put, **effect.add} if attempts[0].creates else effect.add
        for name, delta in moved.items():
            found[name].append(Addition(begin, acknowledged, delta, attempts[0]))
    return found


def _only_added(partition: Partition, additions: Iterable[str]) -> set[str]:
    """Name the counters that nothing but additions can have moved."""
    names = set(additions)
    for act in partition.acts:
        effect = act.effect if act.ok or act.unknown else None
        if effect is not None and not act.creates:
            names -= names if effect.whole else {*effect.put, *effect.claim}
    return names


def _values_of(partition: Partition, name: str) -> Iterator[tuple[Act, int]]:
    """Give what answers said of a counter, without those that repeat an earlier answer."""
    for act in partition.acts:
        if act.ok and act.kind == "increment" and act.event.request["name"] == name:
            yield act, act.event.answer
        elif act.sight is not None and not act.sight.echo:
            yield act, act.sight.integers.get(name, 0)


class _Bounds:
    """Between what a counter must be."""

    def __init__(self, additions: Sequence[Addition]) -> None:
        self._additions = additions
        self._surely = _Sums((added.acknowledged, added.delta) for added in additions)
        self._begun = [
            _Sums((added.begin, added.delta) for added in additions if added.delta * sign > 0)
            for sign in (-1, 1)
        ]
        self._ended = [
            _Sums(
                (added.acknowledged, added.delta) for added in additions if added.delta * sign > 0
            )
            for sign in (-1, 1)
        ]

    def at(self, act: Act) -> tuple[int, int]:
        """Give the bounds for an answer."""
        surely = self._surely.before(act.begin)
        low, high = (
            surely + begun.until(act.end) - ended.before(act.begin)
            for begun, ended in zip(self._begun, self._ended, strict=True)
        )
        return low, high

    def near(self, act: Act) -> list[Act]:
        """Give the additions that began last before this answer came."""
        before = [added.act for added in self._additions if added.begin <= act.end]
        return sorted((each for each in before if each is not act), key=lambda each: each.begin)[
            -5:
        ]


class _Sums:
    """Sums of what came until a time."""

    def __init__(self, moments: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(moment for moment in moments if moment[0] < NEVER)
        self._times = [time for time, _ in ordered]
        self._sums = [0, *accumulate(delta for _, delta in ordered)]

    def before(self, moment: int) -> int:
        return self._sums[bisect_left(self._times, moment)]

    def until(self, moment: int) -> int:
        return self._sums[bisect_right(self._times, moment)]


def numbers_given_once(partition: Partition) -> Iterator[Finding]:
    """Find two increments of a counter that only grows that were answered with the same value."""
    if not partition.one_life:
        return
    additions = _additions(partition)
    growing = _only_added(partition, filter(lambda name: _grows(additions[name]), additions))
    given: dict[tuple[str, int], Act] = {}
    for act in partition.acts:
        for name, value in _given(act):
            if name not in growing:
                continue
            first = given.setdefault((name, value), act)
            if first.tag != act.tag:
                why = f"Both were told that their own addition made {name} {value}."
                yield partition.finding("number_given_twice", why, first, act)
                return


def _grows(additions: Iterable[Addition]) -> bool:
    return all(added.delta > 0 or added.act.creates for added in additions)


def _given(act: Act) -> Iterator[tuple[str, int]]:
    if not act.ok or act.effect is None or act.effect.whole:
        return
    if act.kind == "increment":
        yield act.event.request["name"], act.event.answer
    elif act.sight is not None:
        yield from ((name, act.sight.integers.get(name, 0)) for name in act.effect.add)


def flags_won_once(partition: Partition) -> Iterator[Finding]:
    """Find two winners of a flag that nobody can have lowered between them."""
    for flag, wins in _wins(partition).items():
        lowerings = [act for act in partition.acts if _lowers(act, flag)]
        if len(wins) > 1 + len(lowerings):
            why = f"Both were told that they raised {flag}, and nobody can have lowered it."
            yield partition.finding("flag_won_twice", why, *wins[:2])
            continue
        sums = _Sums((act.begin, 1) for act in lowerings)
        ends = _Sums((act.end, 1) for act in lowerings)
        ordered = sorted(wins, key=lambda act: act.end)
        for first, second in pairwise(ordered):
            if first.end < second.begin and sums.until(second.end) == ends.before(first.begin):
                why = f"Both were told that they raised {flag}; nobody lowered it in between."
                yield partition.finding("flag_won_twice", why, first, second)
                break


def _wins(partition: Partition) -> dict[str, list[Act]]:
    wins: defaultdict[str, list[Act]] = defaultdict(list)
    for attempts in partition.changes.values():
        won = next((act for act in attempts if act.ok), None)
        for flag in won.effect.claim if won and won.effect else ():
            wins[flag].extend([won] if won else [])
    return wins


def _lowers(act: Act, flag: str) -> bool:
    """Say whether it may have lowered the flag, or ended the session that had it raised."""
    if not (act.ok or act.unknown):
        return False
    if act.kind == "delete":
        return act.unknown or bool(act.event.answer)
    effect = act.effect
    if effect is None or act.creates:
        return False
    return not effect.put.get(flag, 1) or (effect.whole and not effect.put.get(flag))
