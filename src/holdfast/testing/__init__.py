"""The proof that a backend and stores on it keep their promises.

The suites need pytest and hypothesis, and are loaded when they are asked for;
`holdfast.testing.histories` needs the library alone.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from holdfast.testing.conformance import BackendConformance
    from holdfast.testing.machine import BackendMachine
    from holdfast.testing.manual_clock import ManualClock
    from holdfast.testing.moved_clock import MovedClockConformance
    from holdfast.testing.steps import Advance
    from holdfast.testing.store_conformance import StoreConformance
    from holdfast.testing.store_steps import OpenBackend

if _pytest := sys.modules.get("pytest"):
    # The suites are made of assertions, and pytest explains only those that it knows beforehand.
    _pytest.register_assert_rewrite(
        *(
            f"holdfast.testing.{name}"
            for name in (
                "changes", "concurrency", "creating", "deadlines", "drafting", "leases", "limits",
                "listening", "listing", "log", "machine", "moved_clock", "replaying", "steps",
                "store_changing", "store_copying", "store_creating", "store_deadlines",
                "store_drafting",
                "store_leasing", "store_listing", "store_logging", "store_losing", "store_refusing",
                "store_repeating", "store_reporting", "store_sealing", "store_setting",
                "store_steps", "store_watching", "telling",
            )
        )
    )  # fmt: skip

__all__ = [
    "Advance",
    "BackendConformance",
    "BackendMachine",
    "ManualClock",
    "MovedClockConformance",
    "OpenBackend",
    "StoreConformance",
]

_MODULES: Final = {
    "Advance": "steps",
    "BackendConformance": "conformance",
    "BackendMachine": "machine",
    "ManualClock": "manual_clock",
    "MovedClockConformance": "moved_clock",
    "OpenBackend": "store_steps",
    "StoreConformance": "store_conformance",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
