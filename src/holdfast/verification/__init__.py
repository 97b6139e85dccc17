"""Puts a store under load and faults, and checks all that it answered: `holdfast verify`."""

from holdfast.verification.campaign import verify, verify_store
from holdfast.verification.plan import FAULTS, OF_NETWORKS, Fault, Plan
from holdfast.verification.report import write_report
from holdfast.verification.result import Result

__all__ = [
    "FAULTS",
    "OF_NETWORKS",
    "Fault",
    "Plan",
    "Result",
    "verify",
    "verify_store",
    "write_report",
]
