"""Whether a visitor asks for a person."""

import re
from typing import Final

from holdfast.support.escalation.wordlists import any_of, load, normal

_BEFORE: Final = r"(?<![\w'])"
_AFTER: Final = r"(?![\w'])"


class PersonRequests:
    """Recognises requests for a person, and the acceptance of an offer of one."""

    def __init__(self) -> None:
        words = load("requests.toml")
        part = {name: any_of(phrases) for name, phrases in words.items()}
        people = rf"(?:{part['adjective']}\s+)*{part['person']}"
        anybody = rf"(?:{part['adjective']}\s+)*(?:{part['person']}|{part['somebody']})"
        end = rf"{_AFTER}(?=\s*(?:$|[^\w\s']|{part['following']}{_AFTER}))"
        asked = "|".join(
            (
                rf"{part['address']}\s+(?:{part['determiner']}\s+)?{anybody}{_AFTER}",
                rf"{part['want']}\s+{part['determiner']}\s+{people}{end}",
                rf"(?<!my )(?<!the ){people},?\s+(?:please|pls){_AFTER}",
            )
        )
        self._asked = re.compile(_BEFORE + f"(?:{asked})")
        self._whole = re.compile(rf"(?:{part['determiner']}\s+)?{people}[.!?\s]*")
        refused = rf"{_BEFORE}{part['refusal']}(?:\s+{part['hesitation']})*\s+$"
        self._refused = re.compile(refused)
        self._yes = re.compile(rf"{part['yes']}[.!\s]*")

    def asks(self, text: str) -> bool:
        """Say whether a message asks for a person."""
        said = normal(text)
        if self._whole.fullmatch(said):
            return True
        return any(
            not self._refused.search(said[: match.start()]) for match in self._asked.finditer(said)
        )

    def accepts(self, text: str) -> bool:
        """Say whether a message says yes to an offer."""
        return bool(self._yes.fullmatch(normal(text).replace(",", "")))
