"""What comes again and again from one place is told once a minute, with how often it came."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from holdfast.clock import MICROSECONDS, Clock

EVERY: Final = 60 * MICROSECONDS
MOST_PLACES: Final = 10_000


@dataclass
class _Told:
    until: int
    left_out: int = 0


class Repeats:
    """Counts events by place for as long as they are not to be told again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: OrderedDict[tuple[str, str | None], _Told] = OrderedDict()

    def left_out(self, event: str, place: str | None) -> int | None:
        """Say how many were left out before this one; None when it is to be left out as well."""
        now, key = self._clock.boot(), (event, place)
        told = self._told.get(key)
        if told is not None and now < told.until:
            told.left_out += 1
            return None
        self._told[key] = _Told(now + EVERY)
        self._told.move_to_end(key)
        while len(self._told) > MOST_PLACES:
            self._told.popitem(last=False)
        return told.left_out if told is not None else 0
