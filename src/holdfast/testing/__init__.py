"""The proof that a backend and stores on it keep their promises. Needs pytest and hypothesis."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"holdfast.testing.{name}"
        for name in (
            "changes", "concurrency", "creating", "deadlines", "leases", "limits", "listening",
            "listing", "log", "machine", "moved_clock", "replaying", "steps",
            "store_changing", "store_copying", "store_creating", "store_deadlines",
            "store_leasing", "store_listing", "store_logging", "store_losing", "store_refusing",
            "store_reporting", "store_sealing", "store_setting", "store_steps", "store_watching",
        )
    )
)  # fmt: skip

from holdfast.testing.conformance import BackendConformance  # noqa: E402
from holdfast.testing.machine import BackendMachine  # noqa: E402
from holdfast.testing.manual_clock import ManualClock  # noqa: E402
from holdfast.testing.moved_clock import MovedClockConformance  # noqa: E402
from holdfast.testing.steps import Advance  # noqa: E402
from holdfast.testing.store_conformance import StoreConformance  # noqa: E402
from holdfast.testing.store_steps import OpenBackend  # noqa: E402

__all__ = [
    "Advance",
    "BackendConformance",
    "BackendMachine",
    "ManualClock",
    "MovedClockConformance",
    "OpenBackend",
    "StoreConformance",
]
