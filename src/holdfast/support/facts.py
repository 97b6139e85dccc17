"""What a visitor tells of themselves, and how long it is remembered."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from holdfast.session import Fact

Kind = Literal["email", "phone", "order", "preference"]

MOST_FACTS: Final = 100
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Sort:
    """A kind of fact: how it is called, how much it matters, which part of the memory it holds."""

    name: str
    importance: float
    lasts: float = 1.0


# A preference holds for the conversation at hand; how to reach somebody holds longer.
SORTS: Final[dict[Kind, Sort]] = {
    "order": Sort("order number", 1.0),
    "email": Sort("e-mail address", 0.9),
    "phone": Sort("phone number", 0.8),
    "preference": Sort("preference", 0.5, lasts=1 / 3),
}
DAY: Final = timedelta(hours=24)

_EMAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
_PHONE: Final = re.compile(r"(?<![\w+#])(?:\+|00)?\(?\d[\d ()/.-]{5,18}\d(?!\w)")
_ORDER: Final = re.compile(
    r"\b(?:order|purchase|bestell(?:ung|nummer)|auftrag)(?:s?\s*-?\s*"
    r"(?:number|no\.?|num|nr\.?|id|nummer))?\s*(?:is|was|are|ist|lautet|:|=)?\s*"
    r"(?:\#\s*)?(?P<id>[A-Z]{0,4}-?\d[\dA-Z-]{2,18})(?![\w@.]*@)\b|(?<![\w&])\#\s?(?P<mark>[A-Z]{0,4}-?\d[\dA-Z-]{2,18})\b",
    re.IGNORECASE,
)
_PREFERENCE: Final = re.compile(
    r"\b(?:i(?:'d| would)? (?:really )?prefer|i(?:'d| would) rather(?: have)?"
    r"|(?:please )?(?:only )?(?:call|write|e-?mail|contact) me"
    r" (?:only|in|by|on|after|before|between|during))\b[^.!?\n]{2,120}",
    re.IGNORECASE,
)
_FEWEST_DIGITS: Final = 7
# Longer cards have too many digits for a number to call; none begins with 0.
_FEWEST_CARD_DIGITS: Final = 13


def heard(text: str, *, now: datetime, memory: timedelta = DAY) -> list[Fact]:
    """Find what a message tells, in the order of kinds; `memory` is how long it is kept."""
    found = [_fact(kind, value, now=now, memory=memory) for kind, value in _found(text)]
    return list({(fact.kind, fact.value.casefold()): fact for fact in found}.values())


def remember(known: Iterable[Fact], heard: Iterable[Fact], *, now: datetime) -> tuple[Fact, ...]:
    """Add what was heard to what is known: the newest last, each once, expired ones gone.

    Where there are too many, those that matter least go first, and of these the oldest.
    """
    kept: dict[tuple[str, str], Fact] = {}
    for fact in (*known, *heard):
        key = fact.kind, fact.value.casefold()
        kept.pop(key, None)
        kept[key] = fact
    live = live_facts(kept.values(), now=now)
    surplus = len(live) - MOST_FACTS
    if surplus <= 0:
        return live
    by_worth = sorted(range(len(live)), key=lambda place: (live[place].importance, place))
    gone = set(by_worth[:surplus])
    return tuple(fact for place, fact in enumerate(live) if place not in gone)


def live_facts(facts: Iterable[Fact], *, now: datetime) -> tuple[Fact, ...]:
    """Leave out what has expired."""
    return tuple(fact for fact in facts if fact.expires_at > now)


def newest(facts: Sequence[Fact], kind: Kind) -> str | None:
    """Give what was told last of one kind."""
    return next((fact.value for fact in reversed(facts) if fact.kind == kind), None)


def without(text: str) -> str:
    """Leave out what a message tells of its sender: no article holds it, so none is found by it."""
    rest = _ORDER.sub(_order_alone, _EMAIL.sub(" ", text))
    rest = _PHONE.sub(
        lambda match: " " if _is_phone(match.group().strip()) else match.group(), rest
    )
    return " ".join(rest.split()) or text


def listed(facts: Iterable[Fact]) -> list[str]:
    """Write facts as lines, those that matter most first."""
    ordered = sorted(facts, key=lambda fact: -fact.importance)
    return [f"- {SORTS[fact.kind].name}: {fact.value}" for fact in ordered]


def _found(text: str) -> Iterator[tuple[Kind, str]]:
    for match in _EMAIL.finditer(text):
        yield "email", match.group()
    rest = _EMAIL.sub(" ", text)
    for match in _ORDER.finditer(rest):
        yield "order", (match["id"] or match["mark"]).upper()
    rest = _ORDER.sub(" ", rest)
    for match in _PHONE.finditer(rest):
        if _is_phone(match.group().strip()):
            yield "phone", match.group().strip()
    for match in _PREFERENCE.finditer(_PHONE.sub(" ", rest)):
        yield "preference", match.group().strip()[:_LONGEST]


def _order_alone(match: re.Match[str]) -> str:
    """Keep the word for an order, without its number."""
    return "order" if match["id"] else " "


def _is_phone(text: str) -> bool:
    """Say whether digits are a number to call, and no date, price or card."""
    digits = re.sub(r"\D", "", text)
    if not _FEWEST_DIGITS <= len(digits) <= 15:
        return False
    if len(digits) >= _FEWEST_CARD_DIGITS and not text.startswith(("+", "0")) and _luhn(digits):
        return False
    return not re.fullmatch(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}", text)


def _luhn(digits: str) -> bool:
    """Say whether the last digit checks the others, as on payment cards (ISO/IEC 7812-1)."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def _fact(kind: Kind, value: str, *, now: datetime, memory: timedelta) -> Fact:
    sort = SORTS[kind]
    until = now + memory * sort.lasts
    return Fact(kind=kind, value=value, importance=sort.importance, expires_at=until)
