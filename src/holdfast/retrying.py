"""The one place where operations are repeated, timed out and given up.

What may be repeated depends on what is known. *Safe*: the operation was not applied, or only reads.
*Unknown*: it was sent and no answer came; it is repeated only where the backend recognises the
repetition. *Permanent*: everything else.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Final, NamedTuple, Self

from holdfast.backend import (
    REFUSALS,
    Apply,
    Backend,
    Count,
    Drop,
    KeepDraft,
    List,
    Operation,
    Outcome,
    Read,
    ReadDraft,
    ReadItems,
    Renew,
    Take,
    Touch,
)
from holdfast.bells import Bell
from holdfast.breaker import NEVER_OPEN, Breaker
from holdfast.breakers import Breakers
from holdfast.deadlines import Deadlines
from holdfast.errors import Certainty, StoreUnavailable
from holdfast.events import Event
from holdfast.observing import Observer
from holdfast.operations import operation_name

# Looked up by the type itself: `isinstance` asks one after the other, with every answer.
_REFUSALS: Final[frozenset[type[Outcome]]] = frozenset(REFUSALS)
READS: Final = (Read, ReadItems, ReadDraft, List, Count)


class RetryPolicy(NamedTuple):
    """At most `attempts` sends; pauses are random up to `first_pause`, doubled each time.

    All callers together may repeat `share` of their operations, and `reserve` more at once.
    """

    attempts: int = 3
    first_pause: float = 0.1
    longest_pause: float = 1.0
    share: float = 0.1
    reserve: float = 10.0


class Resilient:
    """A backend with a deadline on every call, retries within it, and circuit breakers.

    `breaker` is that of the whole; where parts of the backend fail alone each has its own.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        deadline: float,
        policy: RetryPolicy = RetryPolicy(),
        observers: Iterable[Observer] = (),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = backend.name
        self.answers_can_be_lost = backend.answers_can_be_lost
        self.part_of = backend.part_of
        self._backend = backend
        self._deadline = deadline
        self._deadlines = Deadlines(deadline)
        self._policy = policy
        self._observers = tuple(observers)
        self._jitter = jitter
        self._budget = policy.reserve
        self._retries = 0
        self.breaker = Breaker(on_move=lambda state: self._tell_moved("", state))
        self.part_breakers = Breakers(self._tell_moved)
        self._open_to_all = Breaker(NEVER_OPEN)

    async def __aenter__(self) -> Self:
        await self._backend.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._deadlines.close()
        await self._backend.__aexit__(*exc_info)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Listen to the backend itself."""
        return self._backend.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Line up at the backend itself."""
        return self._backend.line_up(key, token)

    def events(self, namespace: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Let the backend itself tell."""
        return self._backend.events(namespace)

    def statistics(self) -> Mapping[str, int]:
        """Add retries, openings of breakers, and breakers that refuse, to what is counted."""
        whole, parts = self.breaker, self.part_breakers
        return {
            **self._backend.statistics(),
            "retries": self._retries,
            "breaker_opened": whole.opened + parts.opened,
            "breakers_refusing": (whole.state != "closed") + parts.refusing,
        }

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation within the deadline.

        Raises:
            StoreUnavailable: the backend did not answer in time, or is left alone for now.
        """
        if self._budget < self._policy.reserve:
            self._budget = min(self._budget + self._policy.share, self._policy.reserve)
        deadlines, attempt, failure = self._deadlines, 0, None
        task = deadlines.begin()
        # One coroutine for all of a call: every floor more is paid for by each of them.
        try:
            while True:
                breaker = self._breaker_of(operation)
                permit, answered = None, None
                try:
                    permit = breaker.admit()
                    outcome = await self._backend.execute(operation)
                    if type(outcome) not in _REFUSALS or breaker.on_trial:
                        answered = True
                    return outcome
                except StoreUnavailable as exc:
                    failure, answered = _either(failure, exc), False
                except asyncio.CancelledError:
                    answered = False if deadlines.is_over(task) else None
                    raise
                finally:
                    if permit is not None:
                        breaker.settle(permit, answered)
                attempt += 1
                operation = await self._again(operation, failure, attempt)
        except asyncio.CancelledError as exc:
            if deadlines.was_over(task):
                raise self._too_late(operation) from exc
            raise
        finally:
            deadlines.end(task)

    async def _again(
        self, operation: Operation, failure: StoreUnavailable, attempts: int
    ) -> Operation:
        """Wait until the operation may be tried again, and give it in the form for that.

        Raises:
            StoreUnavailable: the failure, when it may not.
        """
        if attempts == self._policy.attempts or not self._may_repeat(operation, failure):
            raise failure
        if failure.outcome == "unknown" and isinstance(operation, Apply):
            operation = operation._replace(repeated=True)
        await asyncio.sleep(self._pause(attempts))
        self._tell_retried(operation, attempts + 1)
        return operation

    def _too_late(self, operation: Operation) -> StoreUnavailable:
        outcome: Certainty = "not_applied" if isinstance(operation, READS) else "unknown"
        reason = f"The session store did not answer within {self._deadline:.3g} s"
        return StoreUnavailable(reason, outcome=outcome)

    def _breaker_of(self, operation: Operation) -> Breaker:
        """Give the breaker of the part that answers now, or of the whole; renewals have none."""
        if type(operation) is Renew:
            return self._open_to_all
        if self.part_of is None:
            return self.breaker
        part = self.part_of(operation)
        return self.part_breakers.of(part) if part else self.breaker

    def _may_repeat(self, operation: Operation, error: StoreUnavailable) -> bool:
        if self._breaker_of(operation).state == "open" or self._budget < 1:
            return False
        if error.outcome == "unknown" and not recognises(operation):
            return False
        self._budget -= 1
        return True

    def _pause(self, attempt: int) -> float:
        longest = self._policy.first_pause * 2.0 ** (attempt - 1)
        return self._jitter() * min(longest, self._policy.longest_pause)

    def _tell_retried(self, operation: Operation, attempt: int) -> None:
        self._retries += 1
        for observer in self._observers:
            observer.operation_retried(
                operation=operation_name(operation), store=self.name, attempt=attempt
            )

    def _tell_moved(self, part: str, state: str) -> None:
        store = f"{self.name}/{part}" if part else self.name
        for observer in self._observers:
            observer.breaker_moved(store=store, state=state)


def _either(earlier: StoreUnavailable | None, later: StoreUnavailable) -> StoreUnavailable:
    """Give what is known after both: an attempt that was refused says nothing of an earlier one."""
    if earlier is None or earlier.outcome == "not_applied" or later.outcome == "unknown":
        return later
    return StoreUnavailable(later.reason, retry_after=later.retry_after, outcome="unknown")


def recognises(operation: Operation) -> bool:
    """Say whether a backend that has applied the operation knows it again when it is repeated."""
    match operation:
        case Apply():
            return operation.remember
        case KeepDraft():
            # Repeated late it would stand in the place of a newer one. Under a lease there is none:
            # its holder keeps one at a time, and whoever comes after it has the lease.
            return operation.lease_token is not None
        case Touch():
            # An idle time that is set late would stand in the place of a newer one.
            return operation.ttl is None
        case Drop() | Take():
            return False
        case _:
            return True
