"""Rate limits kept by the store: exact however many callers and workers take from one at once."""

import math
from typing import Final, NamedTuple

from holdfast.backend import Allowance, Backend, Take
from holdfast.clock import MICROSECONDS
from holdfast.errors import InvalidSession
from holdfast.keyring import Keyring, RootKey

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

    @property
    def used(self) -> int:
        """How much of the burst is not there."""
        return self.limit - self.remaining


class RateLimit:
    """One rate for many callers, each known by a name of its own.

    Names are kept as keyed tags: an address does not stand in the store in the clear. With a
    keyring the tags are those of the key that seals, in every process from the same moment on; a
    new key begins all limits anew.
    """

    def __init__(self, backend: Backend, name: str, rate: Rate, *, key: RootKey | Keyring) -> None:
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
        self._check(cost)
        return self._told(await self._execute(caller, cost))

    async def look(self, caller: str) -> Taken:
        """Say what is left without taking; `allowed` says whether one could be taken now.

        Raises:
            StoreUnavailable: nobody can tell what is left.
        """
        rate = self._rate
        # More than the burst never fits, so it is refused, and a refusal takes nothing.
        seen = await self._execute(caller, rate.burst + 1)
        one_after = max(0, seen.reset_after - (rate.burst - 1) * rate.interval)
        return self._told(seen._replace(allowed=seen.remaining > 0, retry_after=one_after))

    async def give_back(self, caller: str, *, cost: int = 1) -> None:
        """Undo a take: the caller did not use what it was for. There is never more than the burst.

        Raises:
            InvalidSession: the cost is not from 1 to the burst.
            StoreUnavailable: nobody can tell whether it was given back.
        """
        self._check(cost)
        await self._execute(caller, -cost)

    def _check(self, cost: int) -> None:
        if not _is_positive(cost) or cost > self._rate.burst:
            raise InvalidSession("cost", f"must be a whole number from 1 to {self._rate.burst}")

    async def _execute(self, caller: str, cost: int) -> Allowance:
        rate = self._rate
        root = self._key.primary if isinstance(self._key, Keyring) else self._key
        tag = root.derive("limit", self._name, caller).hex()
        operation = Take(f"{LIMITS}/{self._name}/{tag}", rate.interval, rate.burst, cost)
        outcome = await self._backend.execute(operation)
        if not isinstance(outcome, Allowance):
            raise TypeError(f"{type(outcome).__name__} does not answer Take")
        return outcome

    def _told(self, allowance: Allowance) -> Taken:
        return Taken(
            allowance.allowed,
            self._rate.burst,
            allowance.remaining,
            math.ceil(allowance.retry_after / MICROSECONDS),
            math.ceil(allowance.reset_after / MICROSECONDS),
        )


def _is_positive(value: int) -> bool:
    return type(value) is int and value >= 1
