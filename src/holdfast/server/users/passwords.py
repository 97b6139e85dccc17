"""Which passwords are taken (NIST SP 800-63B-4, 3.1.1; OWASP ASVS 6.2).

Length decides. Of a password that is long enough it is asked only whether somebody would guess it
early: whether it is on the list of common ones, repeats itself, walks along a keyboard or an
alphabet, or is little more than the user's name, the service's and words that everybody uses.
"""

import string
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final

from holdfast.server.users.errors import InvalidUser

SHORTEST: Final = 15
LONGEST: Final = 1024
FEWEST_DIFFERENT: Final = 5
# So much must be left of it beside names and common words.
FEWEST_OWN: Final = 8
SHORTEST_WORD: Final = 3
SERVICE: Final = "holdfast"

_LOOKALIKES: Final = str.maketrans("@4301!5$7", "aaeoiisst")
_WALKS: Final = (
    "0123456789",
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)


def check_password(password: str, *, name: str) -> None:
    """See that a password may be used by the user of that name.

    Raises:
        InvalidUser: it may not; the rule is said, the password is not repeated.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidUser("password", f"must have {SHORTEST} to {LONGEST} characters")
    if not _encodable(password):
        raise InvalidUser("password", "must be text that can be written as UTF-8")
    if _common(password.casefold(), name.casefold()):
        rule = "is easily guessed; take several words that have nothing to do with each other"
        raise InvalidUser("password", rule)


def normal_password(password: str) -> bytes | None:
    """Give the bytes that are hashed, the same however a keyboard composes letters (NFC).

    None for what no password can be: too long, or no text.
    """
    if len(password) > LONGEST or not _encodable(password):
        return None
    return unicodedata.normalize("NFC", password).encode()


def _encodable(password: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in password)


def _common(password: str, name: str) -> bool:
    own = _own(password, name)
    return password in _list() or _simple(password) or len(own) < FEWEST_OWN or _simple(own)


def _simple(text: str) -> bool:
    return len(set(text)) < FEWEST_DIFFERENT or _repeats(text) or _walks(text)


def _repeats(text: str) -> bool:
    """Say whether it is a piece that would be too short by itself, twice or more."""
    sizes = range(1, min(len(text) // 2, SHORTEST - 1) + 1)
    return any(text[size:] == text[:-size] for size in sizes)


def _walks(text: str) -> bool:
    """Say whether it is a stretch of a row or an alphabet, there or back, round and round."""
    rounds = (walk * (len(text) // len(walk) + 2) for walk in _WALKS)
    return any(text in walk or text[::-1] in walk for walk in rounds)


def _own(password: str, name: str) -> str:
    """Give what is left when words that everybody would try are taken away."""
    own, spoken = password, password.translate(_LOOKALIKES)
    for word in sorted({name, SERVICE, *_words()}, key=len, reverse=True):
        sought = word.translate(_LOOKALIKES)
        while len(word) >= SHORTEST_WORD and (start := spoken.find(sought)) >= 0:
            end = start + len(word)
            own, spoken = own[:start] + own[end:], spoken[:start] + spoken[end:]
    return own.strip(string.punctuation + string.whitespace)


@cache
def _list() -> frozenset[str]:
    text = (files("holdfast.server.users") / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _words() -> frozenset[str]:
    """Give the words of the list that are no passwords by themselves."""
    return frozenset(word for word in _list() if len(word) < SHORTEST)
