"""The terms on which a store keeps sessions: how long, how much, in which namespace."""

import re
from typing import Final, NamedTuple

from holdfast.clock import MICROSECONDS
from holdfast.errors import InvalidSession

LONGEST: Final = 10 * 365 * 86_400
# Those that begin with ~ are the product's own; `open_store` refuses them.
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}|~[A-Za-z0-9_.-]{1,80}")


class Terms(NamedTuple):
    """`ttl`, `max_age` and `deadline` are in seconds; `max_items` bounds a session's log.

    With `sliding` every change and touch starts the idle time again; reads never do.
    """

    namespace: str = "default"
    ttl: float = 1800
    max_age: float = 86_400
    sliding: bool = False
    max_items: int = 1000
    deadline: float = 5.0

    def check(self) -> "Terms":
        """Give the terms back when they can be kept.

        Raises:
            InvalidSession: a term that breaks its rule.
        """
        if type(self.namespace) is not str or not _NAMESPACE.fullmatch(self.namespace):
            rule = "must be 1-64 letters, digits, dots, dashes or underscores"
            raise InvalidSession("namespace", rule)
        for name, most in (("max_age", LONGEST), ("deadline", 3600)):
            seconds = getattr(self, name)
            if type(seconds) not in (int, float) or not 0 < seconds <= most:
                raise InvalidSession(name, f"must be more than 0 and at most {most} s")
        self.idle(None)
        if type(self.max_items) is not int or not 1 <= self.max_items <= 1_000_000:
            raise InvalidSession("max_items", "must be an integer from 1 to 1,000,000")
        return self

    def idle(self, ttl: float | None) -> int:
        """Turn an idle time in seconds (None: the store's own) into microseconds.

        Raises:
            InvalidSession: it is no number, not more than 0, or more than `max_age`.
        """
        seconds = self.ttl if ttl is None else ttl
        if type(seconds) not in (int, float):
            raise InvalidSession("ttl", "must be a number of seconds")
        if not 0 < seconds <= self.max_age:
            raise InvalidSession("ttl", f"must be more than 0 and at most max_age={self.max_age} s")
        return max(1, round(seconds * MICROSECONDS))
