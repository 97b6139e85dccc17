"""A user, and the name by which they sign in."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from holdfast.server.users.errors import InvalidUser

ROLES: Final = frozenset({"staff", "admin"})
LONGEST_NAME: Final = 128


class User(NamedTuple):
    """Somebody who can sign in; `user_id` is random and never another's, a name may be."""

    user_id: str
    name: str
    roles: frozenset[str]
    disabled: bool
    created_at: datetime
    password_changed_at: datetime


def one_spelling(name: str) -> str:
    """Give what all names have in common that look alike by width, case or composition.

    NFKC and case folding; what folding takes apart is composed again.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def normal_name(name: str) -> str:
    """Give the one spelling under which a name is kept, found and counted.

    Raises:
        InvalidUser: it is no name.
    """
    normal = one_spelling(name)
    if not 1 <= len(normal) <= LONGEST_NAME:
        raise InvalidUser("name", f"must have 1 to {LONGEST_NAME} characters")
    if not normal.isprintable() or any(character.isspace() for character in normal):
        raise InvalidUser("name", "must have no spaces, control or invisible characters")
    return normal


def spelled(name: str) -> str:
    """Give the spelling that a name is kept under; what is no name stays as it is."""
    try:
        return normal_name(name)
    except InvalidUser:
        return name


def known_roles(roles: Iterable[str]) -> frozenset[str]:
    """Give the roles back.

    Raises:
        InvalidUser: one is not known, or there is none.
    """
    given = frozenset(roles)
    if not given or given - ROLES:
        raise InvalidUser("roles", f"must be one or more of {', '.join(sorted(ROLES))}")
    return given
