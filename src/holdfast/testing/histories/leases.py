"""Checks in linear time: leases never overlap, fences grow, a former holder writes no more."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from holdfast.testing.histories.acts import Act
from holdfast.testing.histories.events import NEVER
from holdfast.testing.histories.findings import Finding
from holdfast.testing.histories.partition import Partition
from holdfast.testing.histories.specification import ROUNDING, SECOND, least


@dataclass
class Holder:
    """A lease that was granted, and all that was asked with its token."""

    token: str
    granted: Act
    renewals: list[Act] = field(default_factory=list[Act])
    releases: list[Act] = field(default_factory=list[Act])
    writes: list[Act] = field(default_factory=list[Act])

    @property
    def fence(self) -> int:
        """Give the number of the grant."""
        return int(self.granted.event.answer["fence"])

    @property
    def surely_until(self) -> int:
        """Say until when it held the session at least, if nobody took it away."""
        over = max(self._over_after(act) for act in (self.granted, *self.renewals) if act.ok)
        return min([over, *(act.begin for act in self.releases if not act.error)])

    def _over_after(self, last: Act) -> int:
        """Say when it is over at the earliest if nothing renewed it later, or only for less."""
        later = (act for act in self.renewals if not act.error and act.end >= last.begin)
        return min(max(act.begin, last.begin) + least(_ttl(act)) for act in (last, *later))

    @property
    def possibly_until(self) -> int:
        """Say until when it can have held the session, if nobody took it away."""
        released = [act.end for act in self.releases if act.ok and act.event.answer]
        if self.granted.event.request.get("renewed"):
            return min(released, default=NEVER)
        starts = [self.granted, *(act for act in self.renewals if act.ok or act.unknown)]
        over = max(NEVER if act.unknown else act.end + _ttl(act) + ROUNDING for act in starts)
        return min([over, *released])


def leases_are_exclusive(partition: Partition) -> Iterator[Finding]:
    """Find leases that overlap, fences that do not grow, and what former holders could still do."""
    holders = _holders(partition)
    for check in (_fences_grow, _no_overlap, _nothing_after_the_end, _nothing_after_another):
        yield from check(partition, holders)


def _holders(partition: Partition) -> Sequence[Holder]:
    """Collect the leases in the order in which their grants began."""
    holders: dict[str, Holder] = {}
    for act in partition.acts:
        if act.ok and act.kind in {"acquire", "steal"}:
            token = act.event.answer["token"]
            holders.setdefault(token, Holder(token, act))
    for act in partition.acts:
        token = _token(act)
        if token in holders:
            _entry(holders[token], act).append(act)
    return list(holders.values())


def _entry(holder: Holder, act: Act) -> list[Act]:
    match act.kind:
        case "renew":
            return holder.renewals
        case "release":
            return holder.releases
        case _:
            return holder.writes


def _token(act: Act) -> str:
    if act.kind in {"renew", "release"}:
        return str(act.event.request["token"])
    return (act.effect.lease_token if act.effect else None) or ""


def _fences_grow(partition: Partition, holders: Sequence[Holder]) -> Iterator[Finding]:
    by_fence: dict[int, Holder] = {}
    for holder in holders:
        if (other := by_fence.setdefault(holder.fence, holder)) is not holder:
            why = f"Two leases were granted under the same fence, {holder.fence}."
            yield partition.finding("fence_repeated", why, other.granted, holder.granted)
            return
    ended = sorted(holders, key=lambda holder: holder.granted.end)
    ends = [holder.granted.end for holder in ended]
    highest = _running(ended)
    for holder in holders:
        place = bisect_left(ends, holder.granted.begin)
        if place and highest[place - 1].fence >= holder.fence:
            earlier = highest[place - 1]
            why = (
                f"A later lease has fence {holder.fence}, below {earlier.fence} of an earlier one."
            )
            yield partition.finding("fence_fell", why, earlier.granted, holder.granted)
            return


def _running(holders: Iterable[Holder]) -> list[Holder]:
    """Give, for each beginning of the list, its holder with the highest fence."""
    highest: list[Holder] = []
    for holder in holders:
        last = highest[-1] if highest else holder
        highest.append(holder if holder.fence > last.fence else last)
    return highest


def _no_overlap(partition: Partition, holders: Sequence[Holder]) -> Iterator[Finding]:
    """Find a grant that nobody stole while another lease surely lasted."""
    takers = [act for act in partition.acts if _takes_away(act)]
    previous: Holder | None = None
    for holder in sorted(holders, key=lambda each: each.granted.end):
        if previous is not None and _overlaps(previous, holder.granted, takers):
            why = "The session was given to another while the lease of the first still lasted."
            yield partition.finding("leases_overlap", why, previous.granted, holder.granted)
            return
        if (
            previous is None
            or holder.surely_until > previous.surely_until
            or holder.granted.kind == "steal"
        ):
            previous = holder


def _overlaps(previous: Holder, act: Act, takers: Sequence[Act]) -> bool:
    first = previous.granted
    if act.kind == "steal" or not first.end < act.begin < act.end < previous.surely_until:
        return False
    return not any(
        taker.begin <= act.end and taker.end >= first.begin
        for taker in takers
        if taker is not first
    )


def _takes_away(act: Act) -> bool:
    """Say whether it can end the lease of another before its time."""
    if act.kind == "delete":
        return act.unknown or (act.ok and bool(act.event.answer))
    return act.kind == "steal" and (act.ok or act.unknown)


def _nothing_after_the_end(partition: Partition, holders: Sequence[Holder]) -> Iterator[Finding]:
    for holder in holders:
        until = holder.possibly_until
        for act in (*holder.writes, *holder.renewals):
            if _accepted(act) and act.begin > until:
                why = "It was accepted under a lease that was over, released or not renewed."
                ended = [each for each in holder.releases if each.end <= until]
                yield partition.finding("accepted_after_lease", why, holder.granted, *ended, act)
                return


def _nothing_after_another(partition: Partition, holders: Sequence[Holder]) -> Iterator[Finding]:
    ended = sorted(holders, key=lambda holder: holder.granted.end)
    ends = [holder.granted.end for holder in ended]
    highest = _running(ended)
    for holder in holders:
        for act in (*holder.writes, *holder.renewals):
            place = bisect_left(ends, act.begin)
            if not place or not _accepted(act):
                continue
            latest = highest[place - 1]
            if latest.fence > holder.fence and latest.granted.begin > holder.granted.end:
                why = "It was accepted from a holder after another had been given the session."
                shown = holder.granted, latest.granted, act
                yield partition.finding("accepted_after_lease", why, *shown)
                return


def _accepted(act: Act) -> bool:
    """Say whether it took effect just then; a change known before is answered again at any time."""
    return act.ok and not (act.sight is not None and act.sight.echo)


def _ttl(act: Act) -> int:
    return int(act.event.request["ttl"] * SECOND)
