"""Leases: taken, renewed and given back in one call each; see `lua/acquire.lua` for the line."""

from typing import Final

from holdfast.backend import (
    Absent,
    Acquire,
    Granted,
    Held,
    LeaseGone,
    Release,
    Released,
    Renew,
)
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.scripts import script

# Who waits asks again after so many microseconds at most: should a wake-up be lost, it costs that.
BEAT: Final = 1_250_000
# Who has not asked for so long is gone, and the next in line is served.
PATIENCE: Final = 2 * BEAT

ABSENT: Final = 0
GRANTED: Final = 1


class Leasing:
    """The leases of a store; `process` names this process in lines."""

    def __init__(self, caller: Caller, *, process: bytes) -> None:
        self._caller = caller
        self._process = process
        self._bounds = b"%d" % BEAT, b"%d" % PATIENCE

    async def acquire(self, operation: Acquire) -> Absent | Granted | Held:
        """Take the lease, or stand in line for it."""
        terms = (
            operation.token.encode(),
            b"%d" % operation.ttl,
            b"%d" % operation.steal,
            b"%d" % operation.waits,
            self._process,
            *self._bounds,
        )
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("acquire"), b"slq", terms)
        if status == ABSENT:
            return Absent()
        if status == GRANTED:
            return Granted(answer[0], operation.ttl)
        return Held(*answer)

    async def renew(self, operation: Renew) -> Absent | Granted | LeaseGone:
        """Start the lease's time again."""
        terms = operation.token.encode(), b"%d" % operation.ttl
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("renew"), b"sl", terms)
        if status == ABSENT:
            return Absent()
        return Granted(answer[0], operation.ttl) if status == GRANTED else LeaseGone()

    async def release(self, operation: Release) -> Released:
        """Give the lease back, or leave the line."""
        terms = operation.token.encode(), self._bounds[1]
        place = self._caller.place(operation.key)
        (held,) = await self._caller.call(place, script("release"), b"slq", terms)
        return Released(bool(held))
