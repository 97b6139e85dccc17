"""What the agent knows: documents cut into sections, searched by words, cited by anchor.

Synchronous and safe to use from several threads. A search takes about a millisecond and may be
called straight from a coroutine; adding reads files, so a coroutine hands it to a thread:
`await asyncio.to_thread(knowledge.add_paths, paths)`.
"""

from holdfast.support.knowledge.document import (
    Addition,
    Document,
    Form,
    Manuscript,
    Passage,
    Report,
)
from holdfast.support.knowledge.errors import InvalidDocument, KnowledgeUnavailable
from holdfast.support.knowledge.evidence import Evidence
from holdfast.support.knowledge.knowledge import Findings, Knowledge

__all__ = [
    "Addition",
    "Document",
    "Evidence",
    "Findings",
    "Form",
    "InvalidDocument",
    "Knowledge",
    "KnowledgeUnavailable",
    "Manuscript",
    "Passage",
    "Report",
]
