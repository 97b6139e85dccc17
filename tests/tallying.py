"""Writers that go on through anything, and know afterwards what the store must hold."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final

from holdfast.change import Change
from holdfast.errors import SessionRolledBack, StoreUnavailable
from holdfast.keyring import Keyring
from holdfast.opening import open_store
from holdfast.session import Counter, Session
from holdfast.store import SessionStore

KEYS: Final = Keyring.generate()
PAUSE: Final = 0.01


class Tally(Session):
    """A session that counts the steps taken in it."""

    steps: Counter = 0


Store = SessionStore[Tally]


def tally_store(url: str, *, keys: Keyring = KEYS, **options: Any) -> Store:
    """Give a store of tallies; open it with `async with`."""
    return open_store(url, model=Tally, keys=keys, **options)


class Writer:
    """Takes one step after the other in a session of its own; nobody else writes there.

    A step is sent under one change id until it is answered. `taken` is what the session must hold:
    the steps that were answered, or after `SessionRolledBack` what is left and those since.
    `longest` is the longest time between two answers, `slowest` the longest time of one call, and
    `reasons` say why steps were not answered.
    """

    def __init__(self, store: Store, session_id: str) -> None:
        self.session_id = session_id
        self.taken = 0
        self.rolled_back = 0
        self.longest = self.slowest = 0.0
        self.reasons: list[str] = []
        self.answered_at = monotonic()
        self._store = store
        self._revision = 1

    async def step(self) -> None:
        """Take a step, however often it has to be sent."""
        change = Change(
            add={"steps": 1}, change_id=secrets.token_hex(8), known_revision=self._revision
        )
        while True:
            began = monotonic()
            try:
                try:
                    applied = await self._store.apply(self.session_id, change)
                finally:
                    self.slowest = max(self.slowest, monotonic() - began)
            except StoreUnavailable as exc:
                self.reasons.append(exc.reason)
                await asyncio.sleep(PAUSE)
            except SessionRolledBack:
                await self._begin_anew()
                return
            else:
                self.taken += 1
                self._revision = applied.revision
                self._note()
                return

    async def check(self) -> None:
        """See that the session holds what it must; what was lost is told, once."""
        for _ in range(2):
            try:
                session = await self._patiently()
            except SessionRolledBack:
                await self._begin_anew()
            else:
                assert session.steps == self.taken
                return
        raise AssertionError("A rollback was told twice")

    async def _begin_anew(self) -> None:
        self.rolled_back += 1
        session = await self._patiently()
        self.taken, self._revision = session.steps, session.revision
        self._note()

    async def _patiently(self) -> Tally:
        while True:
            try:
                session = await self._store.get(self.session_id, fresh=True)
            except StoreUnavailable:
                await asyncio.sleep(PAUSE)
            else:
                assert session is not None
                return session

    def _note(self) -> None:
        now = monotonic()
        self.longest = max(self.longest, now - self.answered_at)
        self.answered_at = now


@asynccontextmanager
async def writing(
    store: Store, session_ids: Iterable[str], pause: float = 0.0
) -> AsyncGenerator[list[Writer]]:
    """Have writers at work while the block lasts, then let each end its step.

    They begin with the sessions made; `pause` seconds lie between two steps.
    """
    ending = asyncio.Event()

    async def go_on(writer: Writer) -> None:
        while not ending.is_set():
            await writer.step()
            await asyncio.sleep(pause)

    writers = [Writer(store, session_id) for session_id in session_ids]
    for writer in writers:
        await store.create(writer.session_id)
        writer.answered_at = monotonic()
    async with asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(go_on(writer))
        try:
            yield writers
        finally:
            ending.set()


async def until(question: Callable[[], object], patience: float = 20.0) -> None:
    """Ask on the loop until the answer is true."""
    async with asyncio.timeout(patience):
        while not question():
            await asyncio.sleep(0.01)


def went_on(writers: Iterable[Writer], since: float) -> Callable[[], bool]:
    """Ask whether every writer was answered after a moment."""
    return lambda: all(writer.answered_at > since for writer in writers)


def took(writers: Iterable[Writer], steps: int) -> Callable[[], bool]:
    """Ask whether every writer has taken more than so many steps."""
    return lambda: all(writer.taken > steps for writer in writers)
