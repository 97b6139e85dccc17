"""What happened that somebody may have to answer for: an append-only trail."""

from holdfast.server.audit.events import EVENTS
from holdfast.server.audit.trail import Trail

__all__ = ["EVENTS", "Trail"]
