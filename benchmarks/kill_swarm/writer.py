"""One process of the swarm: first it settles what its last life left open, then it writes on."""

import asyncio
import random
from pathlib import Path
from typing import NamedTuple

from benchmarks.kill_swarm.journal import Journal, Order, read_journals
from holdfast import (
    Applied,
    Counter,
    Keyring,
    Session,
    SessionStore,
    SQLiteSessionStore,
    StoreUnavailable,
)

CALLERS = 8
DAY = 86_400


class Tally(Session):
    total: Counter = 0
    last: str = ""


class Swarm(NamedTuple):
    """What all writers share."""

    folder: Path
    keys: Keyring
    session_ids: tuple[str, ...]
    seed: int

    @property
    def path(self) -> Path:
        """The file that all of them write to."""
        return self.folder / "sessions.db"

    def journal(self, worker: int) -> Path:
        """The journal of one writer, the same in each of its lives."""
        return self.folder / f"writer-{worker}.journal"

    def open(self) -> SessionStore[Tally]:
        """Open the store."""
        return SQLiteSessionStore(
            self.path, keys=self.keys, model=Tally, ttl=DAY, max_age=DAY, max_items=1_000_000
        )


def live(swarm: Swarm, worker: int, life: int, *, settle_only: bool) -> None:
    """Be one writer until it is killed, or until all is settled."""
    asyncio.run(_live(swarm, worker, life, settle_only=settle_only))


async def _live(swarm: Swarm, worker: int, life: int, *, settle_only: bool) -> None:
    path = swarm.journal(worker)
    async with swarm.open() as store:
        writer = Writer(store, Journal(path))
        await writer.settle(path)
        if not settle_only:
            chances = random.Random(f"{swarm.seed}/{worker}/{life}")
            callers = (
                writer.write_on(f"{worker}.{life}.{caller}", swarm.session_ids, chances)
                for caller in range(CALLERS)
            )
            await asyncio.gather(*callers)


class Writer:
    """Makes changes and notes what becomes of them."""

    def __init__(self, store: SessionStore[Tally], journal: Journal) -> None:
        self._store = store
        self._journal = journal

    async def settle(self, path: Path) -> None:
        """Send again what was not answered; and what was answered last, which changes nothing."""
        written = read_journals(path)
        if written.acknowledged:
            change_id, revision = list(written.acknowledged.items())[-1]
            again = await self._apply(written.sent[change_id])
            if not again.replayed or again.revision != revision:
                self._journal.complain(f"{change_id} was applied again, or answered differently")
        for order in written.unknown:
            applied = await self._apply(order)
            self._journal.settle(order, applied.revision, replayed=applied.replayed)

    async def write_on(
        self, name: str, session_ids: tuple[str, ...], chances: random.Random
    ) -> None:
        """Make one change after the other, each noted before it is sent and when it is answered."""
        number = 0
        while True:
            number += 1
            order = Order(
                change_id=f"{name}.{number}",
                session_id=chances.choice(session_ids),
                added=chances.choice((0, 1, 1, 7)),
                items=chances.choice((0, 1, 1, 3)),
                sets=chances.random() < 0.5,
            )
            self._journal.send(order)
            self._journal.acknowledge(order, (await self._apply(order)).revision)

    async def _apply(self, order: Order) -> Applied:
        while True:
            try:
                return await self._store.apply(order.session_id, order.change())
            except StoreUnavailable as exc:
                # The same change id makes this safe, whatever became of the first attempt.
                await asyncio.sleep(exc.retry_after or 0.01)
