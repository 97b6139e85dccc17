"""The part of a history that concerns one session."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from holdfast.testing.histories.acts import Act, Sight
from holdfast.testing.histories.events import Event
from holdfast.testing.histories.findings import Finding


class Seen(NamedTuple):
    """An act whose answer showed the session, and what it showed."""

    act: Act
    sight: Sight


class Partition:
    """The operations on one session in the order in which they began; `watches` stand apart."""

    def __init__(self, session: str, events: Iterable[Event], *, max_items: int) -> None:
        self.session = session
        self.max_items = max_items
        begun = tuple(events)
        self.watches = tuple(event for event in begun if event.kind == "watch")
        acts = (event for event in begun if event.kind != "watch")
        self.acts = tuple(Act(event, place) for place, event in enumerate(acts))

    @cached_property
    def at_once(self) -> int:
        """Count how many answered calls were under way at the same time, at most."""
        moments = sorted(
            moment
            for act in self.acts
            if not act.unknown
            for moment in ((act.begin, 1), (act.end + 1, -1))
        )
        return max(accumulate(step for _, step in moments), default=0)

    @cached_property
    def seen(self) -> Sequence[Seen]:
        """Give the acts that saw a revision."""
        return [Seen(act, act.sight) for act in self.acts if act.sight is not None]

    @cached_property
    def incarnations(self) -> Mapping[str, Sequence[Seen]]:
        """Part what was seen by incarnation, in an order in which they may have followed.

        Where an answer of one came before a call that saw another, and none came the other way
        round, the sum below is smaller for the first.
        """
        parts: defaultdict[str, list[Seen]] = defaultdict(list)
        for seen in self.seen:
            parts[seen.sight.incarnation].append(seen)
        sums = {
            name: min(seen.act.end for seen in part) + max(seen.act.begin for seen in part)
            for name, part in parts.items()
        }
        return {name: parts[name] for name in sorted(parts, key=sums.__getitem__)}

    @cached_property
    def one_life(self) -> bool:
        """Say whether there was one incarnation at most, so that every answer is of it."""
        ended = any(act.kind == "delete" and (act.unknown or act.event.answer) for act in self.acts)
        return len(self.incarnations) <= 1 and not ended

    @cached_property
    def changes(self) -> Mapping[str, Sequence[Act]]:
        """Part the attempts at changes, acknowledged or unknown, by the change they make."""
        parts: defaultdict[str, list[Act]] = defaultdict(list)
        for act in self.acts:
            if (act.ok or act.unknown) and act.effect is not None:
                parts[act.tag].append(act)
        return parts

    def finding(self, kind: str, why: str, *acts: Act) -> Finding:
        """Tell what was found in this session."""
        return Finding(kind, self.session, tuple(act.event for act in acts), why)
