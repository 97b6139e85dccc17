"""Protocols that are broken on purpose, each in one way; `docs/verification.md` lists them all.

These are the ones that the suites' own broken backends and stores do not have. To add one, say for
a new backend: write its class here or there, and a row in the table with what catches it.
"""

import asyncio
import contextlib
from typing import Any

from holdfast.backend import Acquire, Create, Found, Granted, Operation, Outcome, Read
from holdfast.backends.memory import MemoryBackend
from holdfast.breaker import Breaker, Permit
from holdfast.clock import MICROSECONDS, SYSTEM_CLOCK, Clock
from holdfast.errors import HoldfastError, LeaseUnavailable, StoreUnavailable
from holdfast.holding import Holdings, Lease
from holdfast.lease import Grant, Leases
from holdfast.retrying import Resilient
from holdfast.sealing import SessionSeal


class LeasesByTheWallClock(MemoryBackend):
    """Measures leases with a clock that people set."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK, **settings: Any) -> None:
        super().__init__(clock=Clock(wall=clock.wall, boot=clock.wall), **settings)


class BeginsAgainAfterDelete(MemoryBackend):
    """Gives an id that comes back the incarnation it had, with revisions from 1."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._first: dict[str, str] = {}

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Create):
            known = self._first.setdefault(operation.key, operation.incarnation)
            operation = operation._replace(incarnation=known)
        return await super().execute(operation)


class ReadsFromACopy(MemoryBackend):
    """Reads what another node had a moment ago."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._copies: dict[str, Found] = {}

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if not isinstance(operation, Read) or not isinstance(answer, Found):
            return answer
        copy, self._copies[operation.key] = self._copies.get(operation.key), answer
        return copy or answer


class KeepsRenewing(Holdings):
    """Does not notice that a block has ended, and renews its lease on and on."""

    async def _give_back(self, lease: Lease) -> None:
        # Its holder has gone on to something else, which no loss is to stop.
        lease._holder = None
        self._add(lease)


class SwallowsLosses(Holdings):
    """Takes every error of a renewal for one that will pass."""

    async def _renew(self, lease: Lease) -> None:
        with contextlib.suppress(HoldfastError):
            lease.extend(await self._leases.renew(lease.session_id, lease.token, ttl=lease.ttl))


class ListensTooLate(Leases):
    """Asks first and listens then: a release in between wakes nobody."""

    async def _try(
        self, session_id: str, token: str, *, ttl: float, ends: float, wait: float, steal: bool
    ) -> Grant:
        operation = Acquire(self._key(session_id), token, round(ttl * MICROSECONDS), steal)
        while True:
            if isinstance(outcome := await self._backend.execute(operation), Granted):
                return Grant(token, outcome.fence, self.monotonic() + ttl)
            if self.monotonic() >= ends:
                raise LeaseUnavailable(session_id, waited=wait, retry_after=ttl)
            await asyncio.sleep(0)
            with self._backend.listen(operation.key) as bell:
                await bell.rung(ends - self.monotonic())


class RepeatsBlindly(Resilient):
    """Sends again what nobody can tell the fate of, recognised or not."""

    def _may_repeat(self, operation: Operation, error: StoreUnavailable) -> bool:
        return True


class LetsEverybodyTry(Breaker):
    """Half open, it lets through all who ask."""

    def admit(self) -> Permit:
        self._in_flight = self._answered = 0
        return super().admit()


class CountsTheImpatient(Breaker):
    """Takes a caller who went away for a failure of the store."""

    def settle(self, permit: Permit, answered: bool | None) -> None:
        super().settle(permit, bool(answered))


class SealsForAnyPlace(SessionSeal):
    """Binds a value to its session, and neither to its purpose nor to its field."""

    def seal(self, purpose: str, place: bytes, plain: bytes) -> bytes:
        return super().seal("any", b"", plain)

    def open(self, purpose: str, place: bytes, sealed: bytes) -> bytes:
        return super().open("any", b"", sealed)
