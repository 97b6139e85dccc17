"""Callers that change their minds: operations cancelled at random awaits, on any store.

    python -m benchmarks.cancel_fuzz --store redis://127.0.0.1:6379/0 --operations 100000

Three of five calls are cancelled somewhere between their first step and their answer, some of them
twice. Afterwards every answer must have been its caller's own, every count must lie between what
was answered and what was asked for, no lease may be left a second later, and nothing may be under
way any more. The store should be empty: its sessions are made and deleted here.
"""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast import Keyring, open_store
from holdfast.errors import LeaseUnavailable, SessionNotFound
from holdfast.session import Counter as CountedField
from holdfast.session import Session
from holdfast.store import SessionStore

SESSIONS: Final = 40
WORKERS: Final = 64
CANCELLED: Final = 0.6
TWICE: Final = 0.1
ORPHANED: Final = 1.0
# Names and values are numbers of the same kind, so that a wrong answer would be taken for a right
# one if it were not for its stamp.
STAMP: Final = "stamp"


class Stamped(Session):
    """A session that says whose it is."""

    stamp: str = ""
    visits: CountedField = 0


Store = SessionStore[Stamped]


@dataclass
class Tally:
    """What was asked for and answered; `wrong` is what must not have happened."""

    operations: int = 0
    cancelled: int = 0
    answered: int = 0
    asked: Counter[str] = field(default_factory=Counter[str])
    certain: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


class Fuzz:
    """Runs operations on a store, and cancels most of them."""

    def __init__(self, store: Store, *, seed: int) -> None:
        self._store = store
        self._dice = random.Random(seed)
        self._ids = [f"fuzz-{number}" for number in range(SESSIONS)]
        self._left = 0
        self.tally = Tally()

    async def run(self, operations: int) -> Tally:
        """Make the sessions, run so many operations on them, and look at what is left."""
        for session_id in self._ids:
            await self._store.create(session_id, stamp=session_id)
        before = asyncio.all_tasks()
        self._left = operations
        await asyncio.gather(*(self._work() for _ in range(WORKERS)))
        await self._settle(before)
        await self._check_counts()
        await self._check_leases()
        return self.tally

    async def _work(self) -> None:
        calls: Sequence[Callable[[str], Awaitable[None]]] = (
            self._read, self._read, self._count, self._count, self._append, self._hold, self._list,
            self._come_and_go,
        )  # fmt: skip
        while self._left > 0:
            self._left -= 1
            session_id = self._dice.choice(self._ids)
            await self._call(self._dice.choice(calls), session_id)

    async def _call(self, call: Callable[[str], Awaitable[None]], session_id: str) -> None:
        self.tally.operations += 1
        task = asyncio.ensure_future(call(session_id))
        if self._dice.random() >= CANCELLED:
            await task
            self.tally.answered += 1
            return
        await self._pause()
        for _ in range(1 + (self._dice.random() < TWICE)):
            task.cancel()
            if self._dice.random() < 0.5:
                await asyncio.sleep(0)
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(ended, asyncio.CancelledError):
            self.tally.cancelled += 1
        elif isinstance(ended, BaseException):
            raise ended
        else:
            self.tally.answered += 1

    async def _pause(self) -> None:
        """Let the call come somewhere: some steps of the loop, or some part of a round trip."""
        if self._dice.random() < 0.5:
            for _ in range(self._dice.randrange(6)):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(self._dice.random() * 0.004)

    # What is called.

    async def _read(self, session_id: str) -> None:
        session = await self._store.get(session_id)
        if session is None or session.stamp != session_id or session.session_id != session_id:
            self.tally.wrong.append(f"{session_id} was answered with {session}")

    async def _count(self, session_id: str) -> None:
        self.tally.asked[session_id] += 1
        after = await self._store.increment_counter(session_id, "visits")
        self.tally.certain[session_id] += 1
        if after > self.tally.asked[session_id]:
            self.tally.wrong.append(f"{session_id} counts more than was asked for")

    async def _append(self, session_id: str) -> None:
        await self._store.append(session_id, session_id)
        for item in await self._store.items(session_id, limit=5):
            if item.value != session_id:
                self.tally.wrong.append(f"{session_id} has the item of {item.value}")

    async def _hold(self, session_id: str) -> None:
        try:
            async with self._store.lease(session_id, wait=0.02) as lease:
                await asyncio.sleep(0)
                if lease.session_id != session_id:
                    self.tally.wrong.append(f"{session_id} was lent as {lease.session_id}")
        except LeaseUnavailable:
            return

    async def _list(self, session_id: str) -> None:
        page = await self._store.list_active(limit=10)
        for session in page.sessions:
            if session.stamp != session.session_id:
                self.tally.wrong.append(f"{session.session_id} is listed as {session.stamp}")

    async def _come_and_go(self, session_id: str) -> None:
        passing = f"{session_id}-{secrets.token_hex(8)}"
        try:
            await self._store.create(passing, stamp=passing, ttl=5)
            session = await self._store.get(passing)
            if session is None or session.stamp != passing:
                self.tally.wrong.append(f"{passing} was answered with {session}")
        finally:
            await self._store.delete(passing)

    # What is left.

    async def _settle(self, before: "set[asyncio.Task[object]]") -> None:
        """Give what was left behind a second to end."""
        ends = time.monotonic() + ORPHANED
        while time.monotonic() < ends and self._under_way(before):
            await asyncio.sleep(0.01)
        if left := self._under_way(before):
            self.tally.wrong.append(f"still under way a second later: {left}")

    def _under_way(self, before: "set[asyncio.Task[object]]") -> dict[str, int]:
        counted = self._store.backend.statistics()
        watched = ("in_flight", "listeners", "waiting_for_leases")
        found = {name: counted.get(name, 0) for name in watched}
        found["tasks"] = len([task for task in asyncio.all_tasks() - before if not _own(task)])
        return {name: number for name, number in found.items() if number}

    async def _check_counts(self) -> None:
        for session_id in self._ids:
            session = await self._store.get(session_id, fresh=True)
            least, most = self.tally.certain[session_id], self.tally.asked[session_id]
            if session is None or not least <= session.visits <= most:
                self.tally.wrong.append(f"{session_id}: {session} not within {least}-{most}")

    async def _check_leases(self) -> None:
        for session_id in self._ids:
            try:
                async with self._store.lease(session_id, wait=0):
                    pass
            except (LeaseUnavailable, SessionNotFound) as exc:
                self.tally.wrong.append(f"orphan: {exc}")
        if crossed := self._store.backend.statistics().get("crossed_replies", 0):
            self.tally.wrong.append(f"{crossed} crossed replies")
        for session_id in self._ids:
            await self._store.delete(session_id)


def _own(task: "asyncio.Task[object]") -> bool:
    """Say whether a task belongs to an open store: it renews leases or watches connections."""
    return task.get_name() == "holdfast-lease-renewal"


async def fuzz(url: str, *, operations: int, seed: int) -> tuple[Tally, dict[str, int]]:
    """Run on the store that a URL names; give the tally, and what its backend has counted."""
    store: Store = open_store(
        url, model=Stamped, keys=Keyring.generate(), namespace="fuzz", deadline=30.0
    )
    async with store:
        tally = await Fuzz(store, seed=seed).run(operations)
        return tally, dict(store.backend.statistics())


def main() -> int:
    """Run from the command line; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True)
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    began = time.monotonic()
    work = fuzz(options.store, operations=options.operations, seed=options.seed)
    tally, counted = asyncio.run(work)
    print(
        f"{tally.operations} operations in {time.monotonic() - began:.1f} s, "
        f"{tally.cancelled} cancelled, {tally.answered} answered"
    )
    print(", ".join(f"{name} {number}" for name, number in sorted(counted.items())))
    for wrong in tally.wrong[:20]:
        print(f"WRONG: {wrong}")
    print("nothing wrong" if not tally.wrong else f"{len(tally.wrong)} things went wrong")
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
