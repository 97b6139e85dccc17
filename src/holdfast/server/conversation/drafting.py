"""What shows of an answer while it is being made: a draft beside the session."""

from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from holdfast.server.conversation.wire import TextKey
from holdfast.support import (
    EngineEvent,
    Source,
    SourcesCited,
    TextDelta,
    TextWithdrawn,
    ToolStarted,
)

STATUS: Final[Mapping[str, TextKey]] = {
    "search_knowledge": "searching",
    "read_article": "reading",
}


class Draft(BaseModel):
    """An answer so far. `beat` grows each time the draft is kept: a sign of life."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    beat: int
    status: TextKey
    text: str
    sources: tuple[Source, ...] = ()

    @classmethod
    def of(cls, kept: Any, *, run_id: str) -> Self | None:
        """Read what was kept; None when it is not of this run."""
        try:
            draft = cls.model_validate(kept)
        except ValidationError:
            return None
        return draft if draft.run_id == run_id else None


class Sketch:
    """Gathers what a run tells beside its text."""

    def __init__(self) -> None:
        self.status: TextKey = "thinking"
        self.sources: tuple[Source, ...] = ()
        self._beat = 0

    def hear(self, event: EngineEvent) -> None:
        """Take note of one event."""
        match event:
            case ToolStarted(tool):
                self.status = STATUS.get(tool, "thinking")
            case TextDelta():
                self.status = "writing"
            case SourcesCited(sources):
                self.sources = sources
            case TextWithdrawn():
                self.sources = ()
            case _:
                return

    def draft(self, run_id: str, text: str) -> Draft:
        """Give the draft to be kept next."""
        self._beat += 1
        return Draft(
            run_id=run_id, beat=self._beat, status=self.status, text=text, sources=self.sources
        )
