"""Rate limits kept by the store: exact however many callers and workers take from one at once."""

import math
from typing import Final, NamedTuple

from holdfast.backend import Allowance, Backend, Take
from holdfast.clock import MICROSECONDS
from holdfast.errors import InvalidSession
from holdfast.keyring import RootKey

# Limits live beside all namespaces that users can name, and are never listed or counted.
LIMITS: Final = "~limit"
# In seconds. Within it every backend can count in microseconds.
LONGEST_REFILL: Final = 365 * 86_400


class Rate(NamedTuple):
    """`requests` in `seconds` on the average, and at most `burst` at once."""

    requests: int
    seconds: float
    burst: int

    def check(self) -> "Rate":
        """Give the rate back when it can be kept.

        Raises:
            InvalidSession: a part of it that breaks its rule.
        """
        if not _is_positive(self.requests) or not _is_positive(self.burst):
            raise InvalidSession("rate", "requests and burst must be whole numbers from 1 on")
        if not 0 < self.seconds <= 86_400:
            raise InvalidSession("rate", "seconds must be more than 0 and at most 86,400")
        if self.interval * self.burst > LONGEST_REFILL * MICROSECONDS:
            raise InvalidSession("rate", "its whole burst must come back within 365 days")
        return self

    @property
    def interval(self) -> int:
        """Microseconds in which one request comes back."""
        return max(1, round(self.seconds * MICROSECONDS / self.requests))


class Taken(NamedTuple):
    """Whether the cost was taken; what is left, and in how many seconds it is there again."""

    allowed: bool
    limit: int
    remaining: int
    retry_after: int
    reset_after: int


class RateLimit:
    """One rate for many callers, each known by a name of its own.

    Names are kept as keyed tags: an address does not stand in the store in the clear.
    """

    def __init__(self, backend: Backend, name: str, rate: Rate, *, key: RootKey) -> None:
        self._backend = backend
        self._name = name
        self._rate = rate.check()
        self._key = key

    async def take(self, caller: str, *, cost: int = 1) -> Taken:
        """Take from a caller's limit; a refusal takes nothing.

        Raises:
            InvalidSession: the cost is not from 1 to the burst.
            StoreUnavailable: nobody can tell what is left.
        """
        rate = self._rate
        if not _is_positive(cost) or cost > rate.burst:
            raise InvalidSession("cost", f"must be a whole number from 1 to {rate.burst}")
        tag = self._key.derive("limit", self._name, caller).hex()
        operation = Take(f"{LIMITS}/{self._name}/{tag}", rate.interval, rate.burst, cost)
        outcome = await self._backend.execute(operation)
        if not isinstance(outcome, Allowance):
            raise TypeError(f"{type(outcome).__name__} does not answer Take")
        return Taken(
            outcome.allowed,
            rate.burst,
            outcome.remaining,
            math.ceil(outcome.retry_after / MICROSECONDS),
            math.ceil(outcome.reset_after / MICROSECONDS),
        )


def _is_positive(value: int) -> bool:
    return type(value) is int and value >= 1
