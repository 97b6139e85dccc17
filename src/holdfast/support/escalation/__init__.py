"""When a conversation goes to a person, and what that person gets to know."""

from holdfast.support.escalation.policy import EscalationPolicy
from holdfast.support.escalation.scoring import Assessment, Category, Escalation, Priority
from holdfast.support.escalation.ticket import Ticket, TranscriptLine

__all__ = [
    "Assessment",
    "Category",
    "Escalation",
    "EscalationPolicy",
    "Priority",
    "Ticket",
    "TranscriptLine",
]
