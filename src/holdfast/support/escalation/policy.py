"""What the operator decides about handing over."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.errors import InvalidSession
from holdfast.support.escalation.wordlists import load

LEAST, MOST = 0.6, 1.0


def shipped_keywords() -> Mapping[str, float]:
    """Give the keywords that count when the operator names none."""
    keywords: dict[str, float] = load("keywords.toml")["keywords"]
    return keywords


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """When a conversation goes to a person.

    `keywords` maps words and phrases to what they are worth, 0.6 to 1.0. An explicit request for a
    person counts 1.0, whatever the threshold is.

    Raises:
        InvalidSession: a threshold outside 0 to 1, an empty keyword or one out of its range.
    """

    enabled: bool = True
    threshold: float = 0.7
    keywords: Mapping[str, float] = field(default_factory=shipped_keywords)

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise InvalidSession("threshold", "must be more than 0 and at most 1")
        for phrase, value in self.keywords.items():
            if not phrase.strip() or not LEAST <= value <= MOST:
                raise InvalidSession("keywords", f"{phrase!r} must be worth {LEAST} to {MOST}")
