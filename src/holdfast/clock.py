"""Where time comes from: two clocks in whole microseconds, handed in so that tests move them."""

import time
from collections.abc import Callable
from typing import NamedTuple

MICROSECONDS = 1_000_000


class Clock(NamedTuple):
    """`wall` is UTC since 1970, for deadlines; `boot` only grows, for leases and limits.

    `boot` is the same in every process of a host and is never set back.
    """

    wall: Callable[[], int]
    boot: Callable[[], int]


def _wall() -> int:
    return time.time_ns() // 1000


def _boot() -> int:
    return time.clock_gettime_ns(_BOOT_CLOCK) // 1000


# Elsewhere than on Linux the monotonic clock is system-wide as well.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

SYSTEM_CLOCK = Clock(wall=_wall, boot=_boot)
