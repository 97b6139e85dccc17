"""What happened that somebody may have to answer for: an append-only, hash-chained trail."""

from holdfast.server.audit.events import EVENTS
from holdfast.server.audit.keeping import open_trail
from holdfast.server.audit.trail import Trail

__all__ = ["EVENTS", "Trail", "open_trail"]
