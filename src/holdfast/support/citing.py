"""Citations in a text that arrives piece by piece."""

import re
from collections.abc import Callable
from typing import Final

CITATION: Final = re.compile(r"[ \t]*\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_BEGUN: Final = re.compile(r"\[[\d,\s]*")


def ranks(text: str) -> set[int]:
    """Give the numbers that a text cites."""
    return {int(rank) for cited in CITATION.findall(text) for rank in cited.split(",")}


class Citing:
    """Rewrites the citations of a text on its way through.

    Joined, what it gives is the whole text rewritten, without space around it: a piece that may be
    half a citation waits for the next one.
    """

    def __init__(self, rewrite: Callable[[re.Match[str]], str]) -> None:
        self._rewrite = rewrite
        self._waiting = ""
        self._space = ""
        self._begun = False

    def feed(self, piece: str) -> str:
        """Take the next piece, and give what of the text is certain by now."""
        text = self._waiting + piece
        end = _certain(text)
        self._waiting = text[end:]
        return self._told(CITATION.sub(self._rewrite, text[:end]))

    def close(self) -> str:
        """Give what was still waiting."""
        text, self._waiting = self._waiting, ""
        return self._told(CITATION.sub(self._rewrite, text))

    def _told(self, text: str) -> str:
        """Hold back space at the end, which may be the end of all, and drop it at the beginning."""
        text = self._space + text
        if not self._begun:
            text = text.lstrip()
        told = text.rstrip()
        self._space = text[len(told) :]
        self._begun = self._begun or bool(told)
        return told


def _certain(text: str) -> int:
    """Say up to where a text cannot change: to half a citation, or to the space at its end."""
    bracket = text.rfind("[")
    end = bracket if bracket >= 0 and _BEGUN.fullmatch(text, bracket) else len(text)
    return len(text[:end].rstrip())
