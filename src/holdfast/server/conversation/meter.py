"""How many frames a client may send."""

import time
from typing import Final

from holdfast.server.closing import Ended, Ending

# No hand types faster, and no program needs more.
FRAMES_PER_SECOND: Final = 20.0
FRAMES_AT_ONCE: Final = 100


class Meter:
    """Counts the frames of one socket."""

    def __init__(self) -> None:
        self._left = float(FRAMES_AT_ONCE)
        self._at = time.monotonic()

    def count(self) -> None:
        """Count one frame.

        Raises:
            Ended: they come too fast.
        """
        now = time.monotonic()
        self._left += (now - self._at) * FRAMES_PER_SECOND
        self._left = min(self._left, float(FRAMES_AT_ONCE)) - 1
        self._at = now
        if self._left < 0:
            raise Ended(Ending.TOO_MANY, "too many frames")
