"""The proof that a backend keeps its promises, anyone's backend. Needs pytest and hypothesis."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"holdfast.testing.{name}"
        for name in (
            "changes", "concurrency", "creating", "deadlines", "leases", "limits", "listening",
            "listing", "log", "machine", "moved_clock", "replaying", "steps",
        )
    )
)  # fmt: skip

from holdfast.testing.conformance import BackendConformance  # noqa: E402
from holdfast.testing.machine import BackendMachine  # noqa: E402
from holdfast.testing.manual_clock import ManualClock  # noqa: E402
from holdfast.testing.moved_clock import MovedClockConformance  # noqa: E402
from holdfast.testing.steps import Advance  # noqa: E402

__all__ = [
    "Advance",
    "BackendConformance",
    "BackendMachine",
    "ManualClock",
    "MovedClockConformance",
]
