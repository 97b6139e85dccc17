"""Long sections are searched and shown in pieces of about a thousand characters."""

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST = 1200
"""Characters of a chunk, at most. A section up to this length is one chunk."""

_FRESH = 1000
_OVERLAP = LONGEST - _FRESH
# Shares are a little shorter than they may be, since they end where a sentence ends.
_SHARE = 900
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"')\]])\s+")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence or a line, and what stood between it and the piece before."""

    gap: str
    text: str

    def __len__(self) -> int:
        return len(self.gap) + len(self.text)


def chunks(text: str) -> list[str]:
    """Cut between sentences into nearly equal shares; each but the first repeats a sentence.

    A sentence longer than 200 characters is not repeated, one longer than 1,000 is cut.
    """
    if len(text) <= LONGEST:
        return [text]
    return [_with_overlap(before, share) for before, share in _neighbours(_shares(text))]


def _shares(text: str) -> Iterator[list[_Piece]]:
    share = len(text) / math.ceil(len(text) / _SHARE)
    chunk: list[_Piece] = []
    position, border = 0, share
    for piece in _pieces(text):
        middle = position + len(piece) / 2
        full = sum(map(len, chunk)) + len(piece) > _FRESH
        if chunk and (full or middle >= border):
            yield chunk
            chunk = []
        if not chunk:
            border = share * (middle // share + 1)
        chunk.append(piece)
        position += len(piece)
    yield chunk


def _neighbours(shares: Iterable[list[_Piece]]) -> Iterator[tuple[list[_Piece], list[_Piece]]]:
    before: list[_Piece] = []
    for share in shares:
        yield before, share
        before = share


def _with_overlap(before: list[_Piece], share: list[_Piece]) -> str:
    repeated = [_Piece("", piece.text) for piece in before[-1:]]
    if sum(map(len, repeated)) + len(share[0].gap) > _OVERLAP:
        repeated = []
    return "".join(piece.gap + piece.text for piece in [*repeated, *share]).strip("\n")


def _pieces(text: str) -> Iterator[_Piece]:
    for number, paragraph in enumerate(text.split("\n\n")):
        for place, line in enumerate(paragraph.split("\n")):
            gap = "\n" if place else "\n\n" if number else ""
            for sentence in _sentences(line):
                yield _Piece(gap, sentence)
                gap = " "


def _sentences(line: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(line):
        yield from textwrap.wrap(sentence, _FRESH - 2) if len(sentence) > _FRESH else [sentence]
