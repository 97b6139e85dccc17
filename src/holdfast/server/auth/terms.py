"""How long a sign-in lasts, and what stands for it how long.

The defaults are those of NIST SP 800-63B-4 for AAL2 (2.2.3): a day at most, half an hour without a
request. An access token is short-lived because the store is asked for its login anyway; the grace
of a refresh token covers an answer that was lost on the way, and no more.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

LONGEST_MAX_AGE: Final = 30 * 86_400
LONGEST_ACCESS: Final = 900
LONGEST_GRACE: Final = 60
# What is sensitive needs a password that was given within this time (OWASP ASVS 7.5.1).
FRESH_SECONDS: Final = 900
# A request counts as activity; it is written down so often at most.
SEEN_SECONDS: Final = 60


class LoginTerms(NamedTuple):
    """`idle`, `max_age`, `access` and `grace` are in seconds; `most` bounds a user's devices."""

    idle: float = 1800
    max_age: float = 86_400
    access: float = 300
    grace: float = 10
    most: int = 10

    def problems(self) -> Iterator[tuple[str, str]]:
        """Name each of the terms that cannot be, and the rule."""
        if not 0 < self.max_age <= LONGEST_MAX_AGE:
            yield "max_age", f"must be more than 0 and at most {LONGEST_MAX_AGE} s (30 days)"
        if self.idle <= SEEN_SECONDS:
            yield "idle", f"must be more than {SEEN_SECONDS} s"
        elif self.idle > self.max_age:
            yield "idle", "must not be more than the longest time that a sign-in lasts"
        if not 0 < self.access <= LONGEST_ACCESS:
            yield "access", f"must be more than 0 and at most {LONGEST_ACCESS} s"
        if not 0 <= self.grace <= LONGEST_GRACE:
            yield "grace", f"must be at most {LONGEST_GRACE} s"


DEFAULT_TERMS: Final = LoginTerms()
