"""How strictly callers are held to the client that they began with: alike, or by role."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from holdfast.fingerprint import Mode

# A switch turns soft comparison on, or all of it off.
_SWITCHES: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), "soft"),
    **dict.fromkeys(("false", "0", "no"), "off"),
}
_ORDER: Final = ("off", "soft", "strict")


class Strictness(NamedTuple):
    """What a change of client means, for each role."""

    visitor: Mode = "soft"
    staff: Mode = "soft"
    admin: Mode = "soft"

    def of(self, roles: Collection[str]) -> Mode:
        """Give the mode for a user with these roles."""
        return self.admin if "admin" in roles else self.staff


DEFAULT_STRICTNESS: Final = Strictness()


def read_strictness(value: Any) -> Any:
    """Read a mode for everybody, and others by role: `soft,admin=strict`.

    An admin who is not named is held to what the staff are.
    """
    if isinstance(value, Strictness):
        return value
    chosen: dict[str, str] = {}
    for entry in str(value).lower().split(","):
        role, named, mode = (part.strip() for part in entry.rpartition("="))
        mode = _SWITCHES.get(mode, mode)
        known = role in Strictness._fields or not named
        if mode not in _ORDER or not known or role in chosen:
            raise ValueError("must be off, soft or strict, or such by role: soft,admin=strict")
        chosen[role] = mode
    everybody = chosen.get("", "soft")
    staff = chosen.get("staff", everybody)
    admin = chosen.get("admin", staff)
    if _ORDER.index(admin) < _ORDER.index(staff):
        raise ValueError("must not hold admins less strictly than staff: they may do as much")
    return chosen.get("visitor", everybody), staff, admin
