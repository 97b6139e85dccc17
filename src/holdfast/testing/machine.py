"""A state machine that takes the same steps on the model and on a backend, and compares.

class MyMachine(BackendMachine):
def open(self, clock: Clock) -> AbstractAsyncContextManager[Backend]:
return MyBackend(clock=clock)

TestMine = MyMachine.TestCase
"""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from holdfast.backend import (
    Backend,
    Count,
    List,
    Listed,
    Operation,
    Outcome,
    Purge,
    Purged,
    Read,
    Record,
    Where,
)
from holdfast.clock import Clock
from holdfast.testing.manual_clock import ManualClock
from holdfast.testing.model import Model
from holdfast.testing.strategies import BEGINNING, KEYS, NAMESPACES, operations, where

PASSING = st.one_of(st.integers(0, 20), st.integers(0, 40_000_000), st.just(3_600_000_000))


class BackendMachine(RuleBasedStateMachine):
    """Subclasses say how to `open` an empty backend on a clock."""

    def open(self, clock: Clock) -> AbstractAsyncContextManager[Backend]:
        """Give a backend that is empty when it is entered."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._clock = ManualClock(wall=BEGINNING)
        self._model = Model(self._clock.clock)

    @initialize()
    def begin(self) -> None:
        """Open the backend."""
        entering = self._stack.enter_async_context(self.open(self._clock.clock))
        self._backend = self._runner.run(entering)

    def teardown(self) -> None:
        """Close the backend."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    @rule(operation=operations())
    def ask(self, operation: Operation) -> None:
        """Ask both for the same, and then how the session is."""
        assert self._run(operation) == self._model.execute(operation)
        for key in KEYS:
            if getattr(operation, "key", None) == key:
                assert self._run(Read(key)) == self._model.execute(Read(key))

    @rule(microseconds=PASSING)
    def wait(self, microseconds: int) -> None:
        """Let time pass for both."""
        self._clock.pass_by(microseconds)

    @rule(namespace=st.sampled_from(NAMESPACES))
    def count(self, namespace: str) -> None:
        """Count on both."""
        assert self._run(Count(namespace)) == self._model.execute(Count(namespace))

    @rule(namespace=st.sampled_from(NAMESPACES), limit=st.integers(1, 4), chosen=where())
    def walk(self, namespace: str, limit: int, chosen: Where) -> None:
        """List all pages; together they are the model's one."""
        rows: list[tuple[str, Record]] = []
        asked = List(namespace, limit, None, chosen)
        while True:
            page = self._run(asked)
            assert isinstance(page, Listed)
            assert len(page.sessions) <= limit
            rows += page.sessions
            if page.cursor is None:
                break
            asked = asked._replace(after=page.cursor)
        assert Listed(tuple(rows), None) == self._model.execute(asked._replace(after=None))

    @rule(namespace=st.sampled_from(NAMESPACES), limit=st.integers(1, 3))
    def purge(self, namespace: str, limit: int) -> None:
        """Collecting takes what has ended, and nothing that anybody could see."""
        purged = self._run(Purge(namespace, limit))
        assert isinstance(purged, Purged)
        assert len(purged.session_ids) <= limit
        for session_id in purged.session_ids:
            key = f"{namespace}/{session_id}"
            assert self._model.execute(Read(key)) == self._run(Read(key))
        self.count(namespace)

    def _run(self, operation: Operation) -> Outcome:
        return self._runner.run(self._backend.execute(operation))
