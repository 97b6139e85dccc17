"""Plain text: paragraphs between blank lines, no headings."""

import re

from holdfast.support.knowledge.reading.block import Block


def blocks(text: str) -> list[Block]:
    """Cut at blank lines."""
    return [Block(part.strip("\n")) for part in re.split(r"\n[^\S\n]*\n", text) if part.strip()]
