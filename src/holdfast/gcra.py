"""The generic cell rate algorithm (ITU-T I.371), in whole microseconds.

A limit is one number, the theoretical arrival time: when the bucket would be full again. It is the
specification that every backend's own version has to match.
"""

from typing import Final, NamedTuple

from holdfast.backend import Allowance, Take

# Limits that a backend keeps; beyond them the one that is full again first is forgotten.
MOST_LIMITS: Final = 100_000


class Decision(NamedTuple):
    """The arrival time to keep (None: keep what is there) and the answer."""

    arrival: int | None
    allowance: Allowance


def decide(take: Take, *, arrival: int, now: int) -> Decision:
    """Decide one `take` at `now`, given the stored arrival time (0 for none).

    An arrival time further ahead than the burst allows comes from a clock that has restarted, and
    counts as none.
    """
    window = take.interval * take.burst
    full_at = arrival if now < arrival <= now + window else now
    after = max(now, full_at + take.interval * take.cost)
    if after > now + window:
        left = (now + window - full_at) // take.interval
        return Decision(None, Allowance(False, left, after - window - now, full_at - now))
    left = (now + window - after) // take.interval
    return Decision(after, Allowance(True, left, 0, after - now))
