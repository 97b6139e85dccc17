"""The names of what is put on the trail (OWASP ASVS 5.0, 16.3.1-16.3.3)."""

from typing import Final

EVENTS: Final = frozenset(
    {
        # Signing in and out.
        "login.ok",
        "login.failed",
        "login.throttled",
        "logout",
        "logout.everywhere",
        "password.changed",
        # Sessions, and the tokens that stand for them.
        "session.unknown",
        "session.rotated",
        "session.revoked",
        "session.expired",
        "token.refused",
        "refresh.rotated",
        "refresh.grace_hit",
        "refresh.reused",
        "refresh.refused",
        # A client that is not the one from before.
        "fingerprint.changed",
        "fingerprint.mismatch",
        # What a door turned away.
        "access.refused",
        "csrf.refused",
        "origin.refused",
        "socket.refused",
        "ticket.refused",
        "rate.limited",
        # Keys, and what they seal.
        "key.generated",
        "key.rotated",
        "key.retired",
        "seal.broken",
        # Money.
        "budget.changed",
        "budget.reserved",
        "budget.settled",
        "budget.released",
        "budget.exceeded",
        # What administrators do.
        "user.added",
        "user.changed",
        "user.disabled",
        "user.enabled",
        "user.removed",
        "user.imported",
        "admin.setup",
        "admin.changed",
        "knowledge.changed",
        # The trail found that it is not what it was.
        "trail.cut",
    }
)

# What happens all the time and hurts nobody. The answer does not wait for the trail to have it.
EVERYDAY: Final = frozenset(
    {
        "refresh.rotated",
        "session.rotated",
        "rate.limited",
        "budget.reserved",
        "budget.settled",
        "budget.released",
    }
)
