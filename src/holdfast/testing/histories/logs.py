"""Checks in linear time: a log has no holes but those made by removing, and each item once."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import accumulate

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition


def logs_are_whole(partition: Partition) -> Iterator[Finding]:
    """Find what is wrong with the log as it was read, the first of each kind."""
    log = _Log(partition)
    told: set[str] = set()
    for act in partition.acts:
        for finding in log.wrong_with(act):
            if finding.kind not in told:
                told.add(finding.kind)
                yield finding


class _Log:
    """What is known of a session's log from all answers."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition
        self._acts = partition.acts
        self._clears = [act for act in self._acts if act.kind == "clear_items" and _counts(act)]
        pops = [act for act in self._acts if act.kind == "pop_item"]
        # A number may be popped again in a later life: the first time is what holes are judged by.
        self._popped = {act.item[0]: act for act in reversed(pops) if act.item}
        self._unseen_pops = [act for act in pops if act.unknown]
        self._last_shown: dict[int, Act] = {}
        self._by_number: dict[int, tuple[Act, str]] = {}

    def wrong_with(self, act: Act) -> Iterator[Finding]:
        """Find what is wrong with one answer."""
        if act.item is not None:
            yield from self._popped_again(act, act.item[0])
            yield from self._other_item(act, *act.item)
        if act.first_number is not None and act.effect is not None:
            for number, item in enumerate(act.effect.append, start=act.first_number):
                yield from self._other_item(act, number, item)
        if act.kind == "items" and act.ok:
            yield from self._wrong_read(act)

    def _wrong_read(self, act: Act) -> Iterator[Finding]:
        if act.items:
            yield from self._doubled(act)
            yield from self._out_of_order(act)
            yield from self._holes(act)
        for number, item in act.items:
            yield from self._other_item(act, number, item)
        if self._partition.one_life:
            yield from self._back(act)
            yield from self._missing(act)
            self._last_shown |= dict.fromkeys((number for number, _ in act.items), act)

    def _other_item(self, act: Act, number: int, item: str) -> Iterator[Finding]:
        """Find a number that stands for two items, in a session that lived once."""
        first, known = self._by_number.setdefault(number, (act, item))
        appended = first.first_number is not None and act.first_number is not None
        same = known == item and not (appended and first.tag != act.tag)
        if self._partition.one_life and not same:
            why = f"Number {number} of the log stands for two items."
            yield self._partition.finding("log_number_twice", why, first, act)

    def _doubled(self, act: Act) -> Iterator[Finding]:
        """Find an item that is in the log more often than it was appended."""
        for item, times in Counter(item for _, item in act.items).items():
            if times > len(self._appended[item]):
                word = "was never appended" if not self._appended[item] else "was appended once"
                why = f"{item} stands {times} times in the log, and {word}."
                yield self._partition.finding("log_item_twice", why, *self._appended[item], act)

    @cached_property
    def _appended(self) -> Mapping[str, list[Act]]:
        """Give, for each item, the changes that may have appended it (once an appearance)."""
        found: defaultdict[str, list[Act]] = defaultdict(list)
        for attempts in self._partition.changes.values():
            for item in attempts[0].effect.append if attempts[0].effect else ():
                found[item].append(attempts[0])
        return found

    def _out_of_order(self, act: Act) -> Iterator[Finding]:
        numbers = [number for number, _ in act.items]
        after, limit = _asked(act)
        if numbers != sorted(set(numbers)) or len(numbers) > limit or min(numbers) <= after:
            why = "The log was not answered in the order of its numbers, from where it was asked."
            yield self._partition.finding("log_order", why, act)

    def _holes(self, act: Act) -> Iterator[Finding]:
        """Find a hole between two items that no removal of a single item can have left."""
        numbers = {number for number, _ in act.items}
        missing = set(range(min(numbers), max(numbers))) - numbers
        unexplained = sorted(number for number in missing if not self._removed(number, act))
        if len(unexplained) > self._pops_unseen_until(act.end):
            why = f"Item {unexplained[0]} is missing between others, and nobody removed it."
            yield self._partition.finding("log_gap", why, act)

    def _removed(self, number: int, act: Act) -> bool:
        popped = self._popped.get(number)
        return popped is not None and popped.begin <= act.end

    def _pops_unseen_until(self, moment: int) -> int:
        return sum(act.begin <= moment for act in self._unseen_pops)

    def _popped_again(self, act: Act, number: int) -> Iterator[Finding]:
        first = self._popped[number]
        if self._partition.one_life and first is not act:
            why = f"Item {number} was removed twice."
            yield self._partition.finding("log_item_popped_twice", why, first, act)

    def _back(self, act: Act) -> Iterator[Finding]:
        for number, _ in act.items:
            popped = self._popped.get(number)
            if popped is not None and popped.end < act.begin:
                why = f"Item {number} had been removed, and is in the log again."
                yield self._partition.finding("log_item_back", why, popped, act)
                return

    def _missing(self, act: Act) -> Iterator[Finding]:
        """Find an acknowledged item that should have been among those read."""
        shown = {number for number, _ in act.items}
        unexplained = [
            (number, appended)
            for number, appended in self._due(act)
            if number not in shown and not self._removed(number, act)
        ]
        lost = [due for due in unexplained if not self._cleared(*due, act)]
        if len(lost) > self._pops_unseen_until(act.end):
            number, appended = lost[0]
            why = f"Item {number} had been acknowledged, is not in the log, and nobody removed it."
            yield self._partition.finding("log_item_lost", why, appended, act)

    def _due(self, act: Act) -> Iterator[tuple[int, Act]]:
        """Give the acknowledged items that a read must show, unless they were removed."""
        after, limit = _asked(act)
        highest = act.items[-1][0] if len(act.items) >= limit else max(self._appends, default=0)
        lowest = max(after, self._most - self._partition.max_items)
        for number in range(lowest + 1, highest + 1):
            appended = self._appends.get(number)
            if appended is not None and appended.end < act.begin:
                yield number, appended

    @cached_property
    def _appends(self) -> Mapping[int, Act]:
        found: dict[int, Act] = {}
        for act in self._acts:
            if act.first_number is not None and act.effect is not None:
                for offset in range(len(act.effect.append)):
                    found.setdefault(act.first_number + offset, act)
        return found

    @cached_property
    def _most(self) -> int:
        """Give the highest number that an item can have."""
        unseen = (act for act in self._acts if act.unknown and act.effect)
        return max(self._appends, default=0) + sum(
            len(act.effect.append) for act in unseen if act.effect
        )

    def _cleared(self, number: int, appended: Act, act: Act) -> bool:
        """Say whether all may have been cleared since an item was surely in the log."""
        shown = self._last_shown.get(number, appended)
        since = shown.begin if shown.end < act.begin else appended.begin
        place = bisect_right(self._clears, act.end, key=lambda clear: clear.begin)
        return place > 0 and self._clear_ends[place - 1] >= since

    @cached_property
    def _clear_ends(self) -> list[int]:
        return list(accumulate((clear.end for clear in self._clears), max))


def _asked(act: Act) -> tuple[int, int]:
    request = act.event.request
    return request.get("after", 0), request.get("limit", 100)


def _counts(act: Act) -> bool:
    return act.ok or act.unknown
