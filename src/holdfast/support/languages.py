"""Which language a visitor writes in, of those that the agent has words of its own in."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args

Language = Literal["en", "de"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_UMLAUT: Final = re.compile("[äöüß]")


def spoken(text: str, *, before: Sequence[str] = (), preferred: Any = None) -> Language:
    """Say which language a message is in; where it does not show, what `before` it was in.

    Where nothing shows, it is the `preferred` one (a BCP 47 tag), else English.
    """
    for said in (text, *reversed(before)):
        language = _shown(said.lower().replace("\u2019", "'"))
        if language is not None:
            return language
    named = preferred.lower() if isinstance(preferred, str) else ""
    return "de" if named.partition("-")[0] == "de" else "en"


def _shown(said: str) -> Language | None:
    words = _WORD.findall(said)
    english, german = (sum(word in common for word in words) for common in _common())
    german += bool(_UMLAUT.search(said))
    if english == german:
        return None
    return "en" if english > german else "de"


@cache
def _common() -> tuple[frozenset[str], ...]:
    text = (files("holdfast.support") / "languages.toml").read_text(encoding="utf-8")
    return tuple(frozenset(tomllib.loads(text)[language]) for language in LANGUAGES)
