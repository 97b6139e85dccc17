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
    ours = rf"(?:{part['determiner']}\s+{people}|{part['ours']}\s+(?:your\s+)?{part['somebody']})"
    anyone = rf"(?:{part['determiner']}\s+{people}|(?:any|some)(?:one|body))"
    asked = (
        rf"{part['address']}\s+(?:{part['determiner']}\s+)?{anybody}{_AFTER}",
        rf"{part['want']}\s+{part['determiner']}\s+{people}{_before(part['following'])}",
        rf"(?<!my )(?<!the ){people},?\s+(?:please|pls){_AFTER}",
        rf"{part['ask']}\s+{ours}\s+(?:(?:please|to|maybe)\s+)*{part['act']}{_AFTER}",
        rf"{part['there']}\s+{anyone}{_before(part['so'])}",
        rf"(?:is|are)\s+{anyone}\s+{part['present']}{_before(part['at_once'])}",
        rf"(?:{part['want']}|please)\s+{part['help']}{_AFTER}",
        rf"{part['want']}\s+{part['help_from']}\s+{ours}{_AFTER}",
    )
    refused = rf"{_BEFORE}{part['refusal']}(?:\s+{part['hesitation']})*\s+$"
    return _patterns(part, people, asked, refused, please="please|pls")


def _german() -> _Patterns:
    part = _parts("requests.de.toml")
    people = rf"(?:{part['adjective']}\s+)*{part['person']}"
    one = rf"{part['determiner']}\s+{people}"
    anybody = rf"(?:{part['adjective']}\s+)*(?:{part['person']}|{part['somebody']})"
    with_anybody = rf"{part['with']}\s+(?:{part['determiner']}\s+)?{anybody}{_AFTER}"
    of_us = rf"{part['ours']}(?:\s+{part['somebody']})?"
    ours = rf"(?:(?:kein\s+)?{people}|{one}|{of_us}){_AFTER}"
    desk = rf"(?:{part['desk']}|{part['desk_please']}|jemanden)"
    begin = rf"(?:^|(?<=[.!?,;] )){part['begin']}\s+(?:{part['soon']}\s+)*"
    soon, whom = rf"(?:{part['soon']}\s+)*", rf"(?:{part['whom']}\s+)*"
    act = rf"{_APART}{_BEFORE}{part['act']}{_AFTER}"
    end = rf"{_AFTER}(?=\s*(?:$|[.!?]))"
    asked = (
        rf"{with_anybody}{_APART}{_BEFORE}{part['verb']}{_AFTER}",
        rf"{part['send']}{_AFTER}{_APART}{_BEFORE}{with_anybody}",
        rf"{part['want']}\s+{soon}{one}{_AFTER}",
        rf"{part['may']}\s+{soon}{one}{_before(part['reach'])}",
        rf"(?:{part['determiner']}\s+)?{people},?\s+bitte{_AFTER}",
        rf"(?:bitte|sondern)\s+{one}{end}",
        rf"{part['can']}\s+{whom}{ours}{act}",
        rf"{ours}\s+(?:soll|sollte|möge|muss){_AFTER}{act}",
        rf"(?:hilft|antwortet)\s+{part['whom']}\s+{whom}{ours}",
        rf"{begin}(?:(?:den|die|das|ihren|euren)\s+)?{desk}\s+(?:bitte\s+)?sprechen{_AFTER}",
        rf"{begin}zu[mr]\s+{desk}{end}",
        rf"{part['there']}\s+{whom}(?:{one}|{people}|jemand){_before(part['so'])}",
        rf"ist\s+{whom}(?:{one}|{people}|jemand)\s+{part['present']}{_before(part['with_whom'])}",
        rf"(?:{part['want']}|bitte)\s+{soon}{part['help']}{_AFTER}",
    )
    return _patterns(part, people, asked, rf"{_BEFORE}{part['refusal']}\s+$", please="bitte")


def _before(following: str) -> str:
    """Look for the end of a phrase, or for one of these behind it."""
    return rf"{_AFTER}(?=\s*(?:$|[^\w\s'-]|-(?!\w)|{following}{_AFTER}))"


def _parts(name: str) -> dict[str, str]:
    return {part: any_of(phrases) for part, phrases in load(name).items()}


def _patterns(
    part: dict[str, str], people: str, asked: tuple[str, ...], refused: str, *, please: str
) -> _Patterns:
    anyone = rf"(?:{part['determiner']}\s+)?{people}"
    desk = rf"(?:{part['determiner']}\s+)?(?:{part['desk']}|{part['desk_please']})"
    polite = rf"{desk},?\s+(?:{please})|(?:{please}),?\s+{desk}"
    return _Patterns(
        asked=re.compile(_BEFORE + f"(?:{'|'.join(asked)})"),
        whole=re.compile(rf"(?:{anyone}|{part['desk']}|{polite})[.!?\s]*"),
        refused=re.compile(refused),
        yes=re.compile(rf"{part['yes']}[.!\s]*"),
    )
