"""A clock that stands still until a test moves it."""

from holdfast.clock import MICROSECONDS, Clock


class ManualClock:
    """Both clocks of a host, moved by hand. Build a backend with `clock=manual.clock`."""

    def __init__(self, *, wall: int = 1_700_000_000_000_000, boot: int = 3_600_000_000) -> None:
        self._wall = wall
        self._boot = boot
        self.clock = Clock(wall=lambda: self._wall, boot=lambda: self._boot)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.pass_by(round(seconds * MICROSECONDS))

    def pass_by(self, microseconds: int) -> None:
        """Let exactly so many microseconds pass."""
        self._wall += microseconds
        self._boot += microseconds

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back (below zero: forward), as an operator does; no time passes."""
        self._wall -= round(seconds * MICROSECONDS)
