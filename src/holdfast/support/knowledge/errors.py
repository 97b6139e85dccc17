"""What adding and opening refuse.

HoldfastError
├── InvalidDocument (ValueError)   a document breaks a rule; nothing was changed
└── KnowledgeUnavailable           the file is no knowledge base for this version, or it failed
"""

from holdfast.errors import HoldfastError


class InvalidDocument(HoldfastError, ValueError):
    """A document that cannot be added. `origin` names it, `rule` says how it must be."""

    def __init__(self, origin: str, rule: str) -> None:
        super().__init__(f"{origin}: {rule}")
        self.origin, self.rule = origin, rule


class KnowledgeUnavailable(HoldfastError):
    """The knowledge file cannot be opened, read or written; what was under way changed nothing."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"The knowledge file {path} cannot be used: {reason}.")
        self.path, self.reason = path, reason
