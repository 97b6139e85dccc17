"""A text in small pieces, as readers get it."""

import re
from collections.abc import Iterator
from typing import Final

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
