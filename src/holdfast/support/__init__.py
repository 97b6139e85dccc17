"""The customer support agent and what it stands on.

The engines are in `holdfast.support.engines`, which needs the extra `support`.
"""

from holdfast.support.agent import SupportAgent
from holdfast.support.engine import Answer, ChatEngine, Said, Turn
from holdfast.support.errors import AnswerUnavailable, EngineFailed
from holdfast.support.escalation import EscalationPolicy, Ticket
from holdfast.support.messages import Message, MessagePage, Source
from holdfast.support.metrics import SessionMetrics
from holdfast.support.policy import AgentPolicy
from holdfast.support.response import AgentResponse
from holdfast.support.shipped import load_shipped_articles

__all__ = [
    "AgentPolicy",
    "AgentResponse",
    "Answer",
    "AnswerUnavailable",
    "ChatEngine",
    "EngineFailed",
    "EscalationPolicy",
    "Message",
    "MessagePage",
    "Said",
    "SessionMetrics",
    "Source",
    "SupportAgent",
    "Ticket",
    "Turn",
    "load_shipped_articles",
]
