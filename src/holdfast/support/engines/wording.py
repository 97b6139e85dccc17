"""Words of a question as they are compared with words of an article."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_WORD: Final = re.compile(r"\w{3,}")
# Words that begin alike mean alike: returned, returns, returning.
_STEM: Final = 5


def stems(text: str) -> set[str]:
    """Give the beginnings of the words that say what a text is about."""
    empty = _empty_words()
    return {word[:_STEM] for word in _WORD.findall(text.lower()) if word not in empty}


@cache
def _empty_words() -> frozenset[str]:
    text = (files("holdfast.support.engines") / "empty_words.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
