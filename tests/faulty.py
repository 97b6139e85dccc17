"""A backend that fails as it is told to, around one that does not."""

import asyncio
from collections import Counter as Tally
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any, Literal, Self

from holdfast.backend import Backend, Operation, Outcome
from holdfast.backends.memory import MemoryBackend
from holdfast.bells import Bell
from holdfast.breaker import Breaker, BreakerPolicy
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import StoreUnavailable
from holdfast.events import Event
from holdfast.operations import operation_name
from holdfast.retrying import Resilient
from holdfast.store import SessionStore
from holdfast.terms import Terms
from holdfast.testing.store_steps import KEYS, NAMESPACE, Account, Store

Fault = Literal["none", "refuse", "lose_answer", "freeze"]
Plan = Callable[[Operation], Fault]


def well(_: Operation) -> Fault:
    """Plan nothing."""
    return "none"


def planned(*faults: Fault) -> Plan:
    """Fail the first calls like this, and none after them."""
    left: list[Fault] = [*reversed(faults)]
    return lambda _: left.pop() if left else "none"


class Faulty:
    """Fails by `plan`: refuses before it has applied, loses the answer afterwards, or freezes.

    Each operation takes `delay` seconds. `sent` counts what arrived, `inside` who is being
    answered now, `most_inside` how many there were at most.
    """

    name = "faulty"
    answers_can_be_lost = True

    def __init__(
        self, backend: Backend, *, plan: Plan = well, delay: Callable[[], float] | None = None
    ) -> None:
        self.part_of = backend.part_of
        self._backend = backend
        self.plan = plan
        self.delay = delay
        self.thawed = asyncio.Event()
        self.sent: Tally[str] = Tally()
        self.inside = 0
        self.most_inside = 0

    async def __aenter__(self) -> Self:
        await self._backend.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._backend.__aexit__(*exc_info)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        return self._backend.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        return self._backend.line_up(key, token)

    def events(self, namespace: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        return self._backend.events(namespace)

    def statistics(self) -> Mapping[str, int]:
        return self._backend.statistics()

    async def execute(self, operation: Operation) -> Outcome:
        self.sent[operation_name(operation)] += 1
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        try:
            return await self._answer(operation, self.plan(operation))
        finally:
            self.inside -= 1

    async def _answer(self, operation: Operation, fault: Fault) -> Outcome:
        if self.delay is not None:
            await asyncio.sleep(self.delay())
        if fault == "refuse":
            raise StoreUnavailable("Nobody is there", retry_after=0.1)
        if fault == "freeze":
            await self.thawed.wait()
        outcome = await self._backend.execute(operation)
        if self.delay is not None:
            await asyncio.sleep(self.delay())
        if fault == "lose_answer":
            raise StoreUnavailable("The connection is gone", outcome="unknown")
        return outcome


NEVER_OPENS = BreakerPolicy(failure_rate=2.0)


def patient(resilient: Resilient) -> Resilient:
    """Put a breaker in that never opens, to look at retries alone."""
    resilient.breaker = Breaker(NEVER_OPENS)
    return resilient


@asynccontextmanager
async def store_on(backend: Backend, *, clock: Clock = SYSTEM_CLOCK) -> AsyncIterator[Store]:
    """Open a store whose leases go by the time of the loop."""
    terms = Terms(namespace=NAMESPACE)
    store: Store = SessionStore(backend, model=Account, keys=KEYS, terms=terms, clock=clock)
    store.leases.monotonic = asyncio.get_running_loop().time
    async with store:
        yield store


def faulty_memory(clock: Clock = SYSTEM_CLOCK, **settings: Any) -> Faulty:
    """Put faults before a memory backend."""
    return Faulty(MemoryBackend(clock=clock), **settings)
