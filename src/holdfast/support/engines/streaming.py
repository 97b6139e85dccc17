"""The local model's answer as a stream: in small pieces, all at once."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from pydantic_ai.messages import ModelResponsePart, ModelResponseStreamEvent, TextPart, ToolCallPart
from pydantic_ai.models import StreamedResponse

# About as much as a model's service sends at a time.
PIECE: Final = 24
_WORDS: Final = re.compile(r"\S+\s*|\s+")


def pieces(text: str) -> Iterator[str]:
    """Cut a text between words; joined, the pieces are the text."""
    piece = ""
    for word in _WORDS.findall(text):
        piece += word
        if len(piece) >= PIECE:
            yield piece
            piece = ""
    if piece:
        yield piece


@dataclass
class LocalResponse(StreamedResponse):
    """One step of a run that was known before it was streamed."""

    part: ModelResponsePart
    name: str
    when: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        parts = self._parts_manager
        match self.part:
            case TextPart(content):
                for piece in pieces(content):
                    for event in parts.handle_text_delta(vendor_part_id="answer", content=piece):
                        yield event
            case ToolCallPart() as call:
                yield parts.handle_part(vendor_part_id="call", part=call)
            case part:
                raise TypeError(f"the local model has no {part.part_kind}")
        self.finish_reason = "stop"

    async def close_stream(self) -> None:
        """Do nothing: there is no connection."""

    @property
    def model_name(self) -> str:
        return self.name

    @property
    def provider_name(self) -> str | None:
        return None

    @property
    def provider_url(self) -> str | None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self.when
