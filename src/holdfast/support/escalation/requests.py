"""Whether a visitor asks for a person, in each language that there are lists for."""

import re
from typing import Final, NamedTuple

from holdfast.support.escalation.wordlists import any_of, load, normal

_BEFORE: Final = r"(?<![\w'])"
_AFTER: Final = r"(?![\w'])"
# How far apart, in characters of one sentence, the two halves of a German verb's phrase may stand.
_APART: Final = r"[^.!?;]{0,40}?"


class _Patterns(NamedTuple):
    """What is said in one language."""

    asked: re.Pattern[str]
    whole: re.Pattern[str]
    refused: re.Pattern[str]
    yes: re.Pattern[str]

    def ask(self, said: str) -> bool:
        if self.whole.fullmatch(said):
            return True
        return any(
            not self.refused.search(said[: match.start()]) for match in self.asked.finditer(said)
        )


class PersonRequests:
    """Recognises requests for a person, and the acceptance of an offer of one."""

    def __init__(self) -> None:
        self._languages = (_english(), _german())

    def asks(self, text: str) -> bool:
        """Say whether a message asks for a person."""
        said = normal(text)
        return any(language.ask(said) for language in self._languages)

    def accepts(self, text: str) -> bool:
        """Say whether a message says yes to an offer."""
        said = normal(text).replace(",", "")
        return any(language.yes.fullmatch(said) for language in self._languages)


def _english() -> _Patterns:
    part = _parts("requests.toml")
    people = rf"(?:{part['adjective']}\s+)*{part['person']}"
    anybody = rf"(?:{part['adjective']}\s+)*(?:{part['person']}|{part['somebody']})"
    end = rf"{_AFTER}(?=\s*(?:$|[^\w\s']|{part['following']}{_AFTER}))"
    asked = (
        rf"{part['address']}\s+(?:{part['determiner']}\s+)?{anybody}{_AFTER}",
        rf"{part['want']}\s+{part['determiner']}\s+{people}{end}",
        rf"(?<!my )(?<!the ){people},?\s+(?:please|pls){_AFTER}",
    )
    refused = rf"{_BEFORE}{part['refusal']}(?:\s+{part['hesitation']})*\s+$"
    return _patterns(part, people, asked, refused)


def _german() -> _Patterns:
    part = _parts("requests.de.toml")
    people = rf"(?:{part['adjective']}\s+)*{part['person']}"
    anybody = rf"(?:{part['adjective']}\s+)*(?:{part['person']}|{part['somebody']})"
    with_anybody = rf"{part['with']}\s+(?:{part['determiner']}\s+)?{anybody}{_AFTER}"
    asked = (
        rf"{with_anybody}{_APART}{_BEFORE}{part['verb']}{_AFTER}",
        rf"{part['send']}{_AFTER}{_APART}{_BEFORE}{with_anybody}",
        rf"{part['want']}\s+(?:{part['soon']}\s+)*{part['determiner']}\s+{people}{_AFTER}",
        rf"(?:{part['determiner']}\s+)?{people},?\s+bitte{_AFTER}",
        rf"(?:bitte|sondern)\s+{part['determiner']}\s+{people}{_AFTER}(?=\s*(?:$|[.!?]))",
    )
    return _patterns(part, people, asked, rf"{_BEFORE}{part['refusal']}\s+$")


def _parts(name: str) -> dict[str, str]:
    return {part: any_of(phrases) for part, phrases in load(name).items()}


def _patterns(part: dict[str, str], people: str, asked: tuple[str, ...], refused: str) -> _Patterns:
    return _Patterns(
        asked=re.compile(_BEFORE + f"(?:{'|'.join(asked)})"),
        whole=re.compile(rf"(?:{part['determiner']}\s+)?{people}[.!?\s]*"),
        refused=re.compile(refused),
        yes=re.compile(rf"{part['yes']}[.!\s]*"),
    )
