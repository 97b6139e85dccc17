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
        # The trail found that it is not what it was.
        "trail.cut",
    }
)

# What strangers can make happen as often as they like: told once a minute for each network.
REPEATED: Final = frozenset(
    {
        "rate.limited",
        "session.unknown",
        "token.refused",
        "refresh.refused",
        "csrf.refused",
        "origin.refused",
        "ticket.refused",
    }
)

# These, and what happens all the time. The answer does not wait for the trail to have it.
EVERYDAY: Final = REPEATED | {
    "refresh.rotated",
    # A refusal of these two would let an outage of the trail turn lost answers into reuse.
    "refresh.grace_hit",
    "fingerprint.changed",
    "session.rotated",
    "budget.reserved",
    "budget.settled",
    "budget.released",
}
