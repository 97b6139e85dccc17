"""Histories of what a store was asked and answered, and the checks that they must pass.

Needs nothing but the library: neither pytest nor hypothesis.
"""

from holdfast.testing.histories.answers import stamp
from holdfast.testing.histories.calls import CheckedSession, perform
from holdfast.testing.histories.checking import check, check_in_linear_time, check_order
from holdfast.testing.histories.events import Call, Event, Kind, Reply
from holdfast.testing.histories.findings import Finding, Verdict, timeline
from holdfast.testing.histories.history import BrokenHistory, History
from holdfast.testing.histories.recording import Recorder

__all__ = [
    "BrokenHistory",
    "Call",
    "CheckedSession",
    "Event",
    "Finding",
    "History",
    "Kind",
    "Recorder",
    "Reply",
    "Verdict",
    "check",
    "check_in_linear_time",
    "check_order",
    "perform",
    "stamp",
    "timeline",
]
