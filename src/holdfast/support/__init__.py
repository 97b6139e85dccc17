"""The customer support agent and what it stands on.

The engines are in `holdfast.support.engines`, which needs the extra `support`.
"""

from holdfast.support.accepting import Accepted
from holdfast.support.agent import SupportAgent
from holdfast.support.engine import (
    Answer,
    ChatEngine,
    EngineEvent,
    Failed,
    Finished,
    Said,
    SourcesCited,
    TextDelta,
    TextWithdrawn,
    ToolFinished,
    ToolStarted,
    Turn,
    Usage,
    collect,
)
from holdfast.support.errors import AnswerUnavailable, EngineFailed, PriceUnknown
from holdfast.support.escalation import EscalationPolicy, Ticket
from holdfast.support.incoming import Incoming
from holdfast.support.messages import Message, MessagePage, Source
from holdfast.support.metrics import SessionMetrics
from holdfast.support.policy import AgentPolicy
from holdfast.support.response import AgentResponse
from holdfast.support.shipped import load_shipped_articles
from holdfast.support.spending import Bill, Call, Price, Purchased, Purse, Purses
from holdfast.support.turn import Run

__all__ = [
    "Accepted",
    "AgentPolicy",
    "AgentResponse",
    "Answer",
    "AnswerUnavailable",
    "Bill",
    "Call",
    "ChatEngine",
    "EngineEvent",
    "EngineFailed",
    "EscalationPolicy",
    "Failed",
    "Finished",
    "Incoming",
    "Message",
    "MessagePage",
    "Price",
    "PriceUnknown",
    "Purchased",
    "Purse",
    "Purses",
    "Run",
    "Said",
    "SessionMetrics",
    "Source",
    "SourcesCited",
    "SupportAgent",
    "TextDelta",
    "TextWithdrawn",
    "Ticket",
    "ToolFinished",
    "ToolStarted",
    "Turn",
    "Usage",
    "collect",
    "load_shipped_articles",
]
