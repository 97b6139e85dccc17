"""One turn at a time: a session lent to one holder across all processes.

Order and efficiency come from leases; correctness comes from the token, which the store checks in
the same step as every write made under the lease.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, NamedTuple

from holdfast.answers import refusal
from holdfast.backend import Acquire, Backend, Granted, Held, Release, Released, Renew
from holdfast.clock import MICROSECONDS
from holdfast.entropy import Entropy
from holdfast.errors import InvalidSession, LeaseUnavailable, StoreUnavailable
from holdfast.observing import Observer
from holdfast.turns import Turns

logger = logging.getLogger(__name__)

MAX_TTL: Final = 3600.0
MAX_WAIT: Final = 3600.0
# How far this host's clock may run apart from the store's while a lease lasts.
DRIFT: Final = 0.01


class Grant(NamedTuple):
    """A lease as the store gave it. `good_until` is this process's monotonic time, in seconds."""

    token: str
    fence: int
    good_until: float


class Leases:
    """Acquires, renews and gives back the leases of one store's sessions."""

    def __init__(
        self,
        backend: Backend,
        *,
        namespace: str,
        entropy: Entropy,
        observers: Iterable[Observer] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._namespace = namespace
        self._entropy = entropy
        self._observers = tuple(observers)
        self._turns = Turns()
        # When the leases end that somebody here waits for, by what the one in front was told.
        self._ends: dict[str, float] = {}
        self._detached: set[asyncio.Task[Any]] = set()
        self.monotonic = monotonic

    async def acquire(
        self, session_id: str, *, ttl: float, wait: float, steal: bool = False
    ) -> Grant:
        """Wait up to `wait` seconds for the session; the lease lasts `ttl` seconds unless renewed.

        Waiters of one process are served in the order they came. With `steal` the session is taken
        over at once.

        Raises:
            LeaseUnavailable: it was not free in time.
            SessionNotFound: there is no such session, or it ended while waiting.
        """
        _check_seconds("ttl", ttl, above=0, at_most=MAX_TTL)
        _check_seconds("wait", wait, above=-1e-9, at_most=MAX_WAIT)
        began = self.monotonic()
        token = self._entropy.token()
        try:
            grant = await self._contend(session_id, token, ttl=ttl, wait=wait, steal=steal)
        except LeaseUnavailable:
            self._tell_waited(began, granted=False)
            raise
        except (asyncio.CancelledError, StoreUnavailable):
            self._detach(self.release(session_id, token))
            raise
        self._tell_waited(began, granted=True)
        return grant

    async def renew(self, session_id: str, token: str, *, ttl: float) -> Grant:
        """Start the lease's time again.

        Raises:
            LeaseLost: it is not this token's any more.
            SessionNotFound: the session has ended.
        """
        _check_seconds("ttl", ttl, above=0, at_most=MAX_TTL)
        sent = self.monotonic()
        operation = Renew(self._key(session_id), token, round(ttl * MICROSECONDS))
        outcome = await self._backend.execute(operation)
        if isinstance(outcome, Granted):
            return Grant(token, outcome.fence, sent + ttl * (1 - DRIFT))
        raise refusal(session_id, operation, outcome)

    async def release(self, session_id: str, token: str) -> bool:
        """Give the lease back; False when it was not this token's any more."""
        outcome = await self._backend.execute(Release(self._key(session_id), token))
        return isinstance(outcome, Released) and outcome.was_held

    def release_surely(self, session_id: str, token: str) -> "asyncio.Task[bool]":
        """Give the lease back, whatever becomes of the caller; an outage is not raised."""
        return self._detach(self.release(session_id, token))

    async def drain(self) -> None:
        """Wait for what callers left behind to finish."""
        await asyncio.gather(*self._detached, return_exceptions=True)

    async def _contend(
        self, session_id: str, token: str, *, ttl: float, wait: float, steal: bool
    ) -> Grant:
        ends = self.monotonic() + wait
        if steal:
            return await self._try(session_id, token, ttl=ttl, ends=ends, wait=wait, steal=True)
        key = self._key(session_id)
        try:
            async with asyncio.timeout(wait) as scope:
                async with self._turns.of(key):
                    scope.reschedule(None)
                    try:
                        return await self._try(
                            session_id, token, ttl=ttl, ends=ends, wait=wait, steal=False
                        )
                    finally:
                        self._ends.pop(key, None)
        except TimeoutError as exc:
            now = self.monotonic()
            retry_after = max(self._ends.get(key, now + ttl) - now, 0)
            raise LeaseUnavailable(session_id, waited=wait, retry_after=retry_after) from exc

    async def _try(
        self, session_id: str, token: str, *, ttl: float, ends: float, wait: float, steal: bool
    ) -> Grant:
        """Ask for the lease, and again whenever it may have come free, until the wait ends."""
        waits = wait > 0 and not steal
        operation = Acquire(self._key(session_id), token, round(ttl * MICROSECONDS), steal, waits)
        with self._backend.line_up(operation.key, token) as bell:
            while True:
                sent = self.monotonic()
                outcome = await self._backend.execute(operation)
                match outcome:
                    case Granted():
                        return Grant(token, outcome.fence, sent + ttl * (1 - DRIFT))
                    case Held():
                        remaining = outcome.remaining / MICROSECONDS
                        pause = outcome.beat / MICROSECONDS or remaining
                        self._ends[operation.key] = sent + remaining
                    case _:
                        raise refusal(session_id, operation, outcome)
                left = ends - self.monotonic()
                if left <= 0:
                    if waits:
                        self.release_surely(session_id, token)
                    raise LeaseUnavailable(session_id, waited=wait, retry_after=remaining)
                await bell.rung(min(left, pause))

    def _key(self, session_id: str) -> str:
        return f"{self._namespace}/{session_id}"

    def _detach(self, work: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        task = asyncio.create_task(_quietly(work), name="holdfast-lease-release")
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)
        return task

    def _tell_waited(self, began: float, *, granted: bool) -> None:
        for observer in self._observers:
            observer.lease_waited(
                store=self._backend.name, seconds=self.monotonic() - began, granted=granted
            )


async def _quietly(work: Coroutine[Any, Any, bool]) -> bool:
    """Give a lease back; if the store cannot be reached, the lease ends by itself."""
    try:
        return await work
    except StoreUnavailable:
        logger.warning("lease.release_failed")
        return False


def _check_seconds(field: str, value: float, *, above: float, at_most: float) -> None:
    if type(value) not in (int, float) or not above < value <= at_most:
        rule = f"must be more than {max(above, 0):g} and at most {at_most:g} seconds"
        raise InvalidSession(field, rule)
