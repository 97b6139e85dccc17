"""From a manuscript to sections: one reader a form, one shape for all of them."""

from holdfast.support.knowledge.reading.manuscripts import Reading, read
from holdfast.support.knowledge.reading.section import Section

__all__ = ["Reading", "Section", "read"]
