"""The Redis backend does, step by step, what the plain model of the contract does.

The two have clocks of their own: of times only those are compared that follow from one another,
and each step lets the model's clock go on by as much as the server's surely does.
"""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from holdfast.backend import (
    Acquire,
    Allowance,
    Apply,
    Backend,
    Create,
    Created,
    Delete,
    Dropped,
    Existing,
    Found,
    Granted,
    Held,
    ItemsFound,
    Listed,
    Operation,
    Outcome,
    Record,
    StoredItem,
    Where,
)
from holdfast.backends.redis import RedisBackend, parse
from holdfast.clock import Clock
from holdfast.testing import BackendMachine, ManualClock
from holdfast.testing.model import Model
from holdfast.testing.strategies import NAMESPACES, where
from tests.redis_servers import RedisServer

# More than the server needs to tell two moments apart, in microseconds.
STEP = 2_000
UNSEEN = Record("", 0, 0, 0, 0, 0, 0, 0, b"", {}, {})


class Timeless(Model):
    """The model, without the times that its clock showed."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock.clock)
        self._manual = clock

    def execute(self, operation: Operation) -> Outcome:
        outcome = super().execute(operation)
        self._manual.pass_by(STEP)
        return timeless(outcome)


class RedisMachine(BackendMachine):
    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self._model = Timeless(self._clock)
        self._creations: dict[tuple[str, str], Create] = {}

    def open(self, clock: Clock) -> AbstractAsyncContextManager[Backend]:
        return emptied(self.server)

    def wait(self, microseconds: int) -> None:
        """Not a rule here: the server's clock cannot be moved."""

    @rule(namespace=st.sampled_from(NAMESPACES), limit=st.integers(1, 4), chosen=where())
    def walk(self, namespace: str, limit: int, chosen: Where) -> None:
        """When a session was created is another time for each of the two."""
        super().walk(namespace, limit, chosen._replace(created_from=None, created_to=None))

    def compare(self, operation: Operation) -> None:
        super().compare(self._as_asked(operation))

    def _as_asked(self, operation: Operation) -> Operation:
        """Ask as a store does where answers can be lost.

        Every change is remembered, and an incarnation is that of one creation.
        """
        match operation:
            case Apply():
                return operation._replace(remember=True, repeated=False)
            case Acquire():
                # The model keeps no line.
                return operation._replace(waits=False)
            case Create():
                first = operation.key, operation.incarnation
                return self._creations.setdefault(first, operation)
            case Delete():
                # What is deleted under a change id is not created again under its incarnation.
                return operation._replace(change_id="")
            case _:
                return operation

    def _run(self, operation: Operation) -> Outcome:
        outcome = super()._run(operation)
        time.sleep(STEP / 1_000_000)
        return timeless(outcome)


@asynccontextmanager
async def emptied(server: RedisServer) -> AsyncIterator[Backend]:
    server.ask("FLUSHALL")
    async with RedisBackend(parse(server.url())) as backend:
        yield backend


def timeless(outcome: Outcome) -> Outcome:
    """Leave out what the clock showed."""
    match outcome:
        case Created():
            # A repetition may be answered with the session as it was created, or as it is.
            return outcome._replace(record=UNSEEN._replace(incarnation=outcome.record.incarnation))
        case Found() | Existing():
            return outcome._replace(record=undated(outcome.record))
        case Listed():
            rows = tuple((name, undated(record)) for name, record in outcome.sessions)
            return outcome._replace(sessions=rows)
        case ItemsFound():
            return outcome._replace(items=tuple(map(undated_item, outcome.items)))
        case Dropped(item=StoredItem() as item):
            return outcome._replace(item=undated_item(item))
        case Granted():
            return outcome._replace(fence=0)
        case Held():
            return outcome._replace(remaining=0, beat=0)
        case Allowance():
            return outcome._replace(retry_after=0, reset_after=0)
        case _:
            return outcome


def undated(record: Record) -> Record:
    moments: dict[str, Any] = {
        "created": 0,
        "updated": record.updated > record.created,
        # A slide soon after another one moves nothing.
        "active": 0,
        "base": 0,
        "cap": record.cap - record.created,
    }
    return record._replace(**moments)


def undated_item(item: StoredItem) -> StoredItem:
    return item._replace(at=0)


@pytest.mark.slow
def test_redis_is_the_model(redis_server: RedisServer) -> None:
    """Whatever is asked of both, both answer alike."""

    class Machine(RedisMachine):
        server = redis_server

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, phases=[Phase.generate]
        ),
    )
