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
    Acquire,
    Apply,
    Backend,
    Count,
    Create,
    Drop,
    List,
    Listed,
    Operation,
    Outcome,
    Purge,
    Purged,
    Read,
    ReadDraft,
    ReadItems,
    Record,
    Release,
    Renew,
    Where,
)
from holdfast.clock import Clock
from holdfast.testing.manual_clock import ManualClock
from holdfast.testing.model import Model
from holdfast.testing.strategies import (
    BEGINNING,
    HOUR,
    KEYS,
    NAMESPACES,
    changes,
    creations,
    drafts,
    endings,
    entries,
    keys,
    passing,
    resealings,
    several,
    takes,
    turns,
    visits,
    where,
)

LIVES = ((HOUR, 10 * HOUR), (10_000_000, 30_000_000), (10_000_000, HOUR))


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
        for key, (ttl, max_age) in zip(KEYS, LIVES, strict=True):
            self.ask(Create(key, "i1", ttl, max_age, b"ann", {"visits": 0}, {b"t1": b"x"}))

    def teardown(self) -> None:
        """Close the backend."""
        self._runner.run(self._stack.aclose())
        self._runner.close()

    @rule(operation=creations())
    def create(self, operation: Operation) -> None:
        """Bring sessions into being, and sometimes meet one that is there."""
        self.ask(operation)

    @rule(operation=changes())
    def change(self, operation: Operation) -> None:
        """Change a session."""
        self.ask(operation)

    @rule(first=changes(), second=changes())
    def repeat(self, first: Apply, second: Apply) -> None:
        """Send a change again after another one."""
        for operation in (first, second, first._replace(repeated=True)):
            self.ask(operation)

    @rule(operation=st.one_of(visits(), takes()))
    def visit(self, operation: Operation) -> None:
        """Read, touch, or take from a limit."""
        self.ask(operation)

    @rule(key=keys, steps=st.one_of(several(turns()), several(entries())))
    def go_on(self, key: str, steps: list[Acquire | Renew | Release | Apply | Drop]) -> None:
        """Lend one session to several, or make its log longer and shorter."""
        for operation in steps:
            self.ask(operation._replace(key=key))

    @rule(operation=st.one_of(endings(), drafts(), resealings()))
    def end_or_draft(self, operation: Operation) -> None:
        """Delete a session, keep a note beside it, or exchange its ciphertext."""
        self.ask(operation)

    @rule(microseconds=passing)
    def wait(self, microseconds: int) -> None:
        """Let time pass for both."""
        self._clock.pass_by(microseconds)

    @rule(namespace=st.sampled_from(NAMESPACES))
    def count(self, namespace: str) -> None:
        """Count on both."""
        self.compare(Count(namespace))

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
            self.compare(Read(f"{namespace}/{session_id}"))
        self.count(namespace)

    def ask(self, operation: Operation) -> None:
        """Ask both for the same, and then how the session is."""
        self.compare(operation)
        key = getattr(operation, "key", "")
        if key in KEYS:
            looks = Read(key), ReadItems(key, 0, 100), ReadItems(key, 2, 1), ReadDraft(key)
            for look in looks:
                self.compare(look)

    def compare(self, operation: Operation) -> None:
        """Hold one answer against the model's (as tuples, answers of two kinds may be equal)."""
        expected = self._model.execute(operation)
        found = self._run(operation)
        assert (type(found), found) == (type(expected), expected)

    def _run(self, operation: Operation) -> Outcome:
        return self._runner.run(self._backend.execute(operation))
