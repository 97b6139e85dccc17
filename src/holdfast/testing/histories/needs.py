"""When an unanswered call need not be tried yet.

It can be put off until right before an answered one that depends on it, or that it would come too
late after. So it is tried where an operation that may be next waits for something that it brings,
or touches what it touches, or may take away the condition that it depends on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.specification import State

LEASING: Final = frozenset({"acquire", "steal", "renew", "release"})


@dataclass(frozen=True)
class Needs:
    """What the answered operations that may be next depend on.

    Those that wait need `absence` of the session, one of `incarnations` at some revision, or (by
    `lease`) another holder; `weak` ones, waiting or not, what their answer does not tell, about
    `topics`. `leasing` says that the holder may change.
    """

    state: State
    absence: bool
    incarnations: frozenset[str]
    lease: bool
    weak: bool
    topics: frozenset[str]
    leasing: bool

    @classmethod
    def of(cls, waiting: Iterable[Act], going: Iterable[Act], state: State) -> "Needs":
        """Find out on what they depend: those that cannot be next, and those that can."""
        held_up = list(waiting)
        either = [*held_up, *going]
        weak = [act for act in either if act.shows_presence and act.sight is None]
        return cls(
            state=state,
            absence=any(act.shows_absence or _lost_its_lease(act) for act in held_up),
            incarnations=frozenset(act.sight.incarnation for act in held_up if act.sight),
            lease=any(map(_depends_on_lease, held_up)),
            weak=bool(weak),
            topics=frozenset(topic for act in weak for topic in topics(act)),
            leasing=any(act.kind in LEASING for act in either),
        )

    def concern(self, act: Act, *, narrow: bool) -> bool:
        """Say whether an unanswered call is to be tried; `narrow`: only if directly needed."""
        if act.kind in LEASING:
            return self.lease or (act.kind == "renew" and not narrow)
        if act.kind == "delete":
            elsewhere = bool(self.incarnations - {self.state.incarnation})
            return self.absence or elsewhere or (self.weak and not narrow)
        if act.creates or self.state.incarnation in self.incarnations:
            return True
        return self._may_be_too_late(act) or (
            bool(self.topics & topics(act)) if narrow else self.weak
        )

    def _may_be_too_late(self, act: Act) -> bool:
        effect = act.effect
        if effect is None:
            return False
        if effect.expect_revision is not None and effect.expect_revision == self.state.revision:
            return True
        return effect.lease_token is not None and self.leasing


def topics(act: Act) -> frozenset[str]:
    """Name what a change touches, or what an answer without a revision depends on."""
    effect = act.effect
    if effect is None:
        return frozenset({"log"} if act.kind in {"items", "pop_item", "clear_items"} else ())
    names = {*effect.put, *effect.add, *effect.claim, *({"log"} if effect.append else ())}
    return frozenset(names | ({"revision"} if act.error == "RevisionConflict" else set()))


def _lost_its_lease(act: Act) -> bool:
    """Say whether the end of the session may be why somebody has no lease any more."""
    return act.error == "LeaseLost" or (act.ok and act.kind == "release" and not act.event.answer)


def _depends_on_lease(act: Act) -> bool:
    return act.kind in LEASING or bool(act.effect and act.effect.lease_token)


def has_passed(acts: Sequence[Act], state: State) -> bool:
    """Say whether one of the acts saw a revision that the session is at already, or has left."""
    return any(
        act.sight is not None
        and act.sight.incarnation == state.incarnation
        and act.sight.revision <= state.revision
        for act in acts
    )
