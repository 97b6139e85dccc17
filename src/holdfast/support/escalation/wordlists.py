"""Lists of words and phrases, from the data files beside this module, as things to look for."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

_APOSTROPHES: Final = str.maketrans("\u2019\u2018\u00b4`", "''''")


def load(name: str) -> dict[str, Any]:
    """Read one data file."""
    text = files("holdfast.support.escalation").joinpath("words", name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def normal(text: str) -> str:
    """Write a message the way the lists are written: lower case, plain apostrophes, one space."""
    return " ".join(text.translate(_APOSTROPHES).lower().split())


def any_of(phrases: Iterable[str]) -> str:
    """Make a pattern that matches any of the phrases, the longest first."""
    ordered = sorted(phrases, key=len, reverse=True)
    return "(?:" + "|".join(_pattern(normal(phrase)) for phrase in ordered) + ")"


class Phrases:
    """Phrases that are looked for as whole words."""

    def __init__(self, phrases: Iterable[str]) -> None:
        listed = list(phrases)
        self._search = re.compile(rf"(?<!\w){any_of(listed)}(?!\w)") if listed else None

    def found(self, text: str) -> list[str]:
        """Give what is found in a text in normal form, each once."""
        matches = self._search.finditer(text) if self._search else ()
        return list(dict.fromkeys(match.group() for match in matches))

    def places(self, text: str) -> list[int]:
        """Say where in a text in normal form something is found."""
        return [match.start() for match in self._search.finditer(text)] if self._search else []


class WeighedPhrases:
    """Phrases that are worth something."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = {
            phrase: (re.compile(rf"(?<!\w){_pattern(normal(phrase))}(?!\w)"), value)
            for phrase, value in values.items()
        }

    def found(self, text: str) -> dict[str, float]:
        """Give the phrases that a text in normal form holds, with what they are worth."""
        return {
            phrase: value for phrase, (sign, value) in self._values.items() if sign.search(text)
        }


def _pattern(phrase: str) -> str:
    return re.escape(phrase).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
