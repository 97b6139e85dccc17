"""Writers and readers of one process; each knows what it was told and holds the store to that."""

import asyncio
import random
from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from holdfast import Change, Counter, HoldfastError, Session, SessionStore, open_store
from holdfast.key_file import FollowedKeyring

SESSIONS: Final = 16
MAX_ITEMS: Final = 40
WRITERS: Final = 4
READERS: Final = 4
# Between two calls of a caller, in seconds.
PAUSE: Final = 0.002
# A call that was sealed before is over, one way or the other, when the next key has settled.
DEADLINE: Final = 2.0
LOOKS_EVERY: Final = 0.25
SETTLES: Final = 3

OWN: Final = "w{writer}"


class Shared(Session):
    """What all writers change: an integer of the store, and a value that is read and written."""

    changes: Counter = 0
    total: int = 0


@dataclass
class Report:
    """What one process has done, and what it was told."""

    reads: int = 0
    writes: int = 0
    failures: list[str] = field(default_factory=list[str])
    keys_seen: set[str] = field(default_factory=set[str])
    acknowledged: Tally[tuple[int, str]] = field(default_factory=Tally[tuple[int, str]])
    last: dict[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])

    def merge(self, other: "Report") -> None:
        """Add what another process has done."""
        self.reads += other.reads
        self.writes += other.writes
        self.failures += other.failures
        self.keys_seen |= other.keys_seen
        self.acknowledged += other.acknowledged
        self.last |= other.last


def opened(url: str, path: Path) -> SessionStore[Shared]:
    """Make a store whose keys follow the file."""
    keys = FollowedKeyring(path, every=LOOKS_EVERY)
    return open_store(url, model=Shared, keys=keys, max_items=MAX_ITEMS, deadline=DEADLINE)


def name(number: int) -> str:
    """Name a session."""
    return f"rotated-{number}"


async def fill(store: SessionStore[Shared]) -> None:
    """Begin the sessions."""
    for number in range(SESSIONS):
        await store.create(name(number), user_id=f"user {number}", note="never changed")
        await store.append(name(number), *range(MAX_ITEMS // 2))
        await store.keep_draft(name(number), {"draft": "never changed"})


async def call(
    store: SessionStore[Shared], process: int, over: Callable[[], bool], *, seed: int = 7
) -> Report:
    """Write and read until it is over."""
    report = Report()
    callers = [_write(store, f"{process}.{number}", report, over) for number in range(WRITERS)]
    callers += [_read(store, report, over, seed + number) for number in range(READERS)]
    await asyncio.gather(*callers)
    return report


async def _write(
    store: SessionStore[Shared], writer: str, report: Report, over: Callable[[], bool]
) -> None:
    random_number = random.Random(writer)
    own, count = OWN.format(writer=writer), 0
    while not over():
        count += 1
        number = random_number.randrange(SESSIONS)
        change = Change(set={own: count}, add={"changes": 1}, append=[{own: count}])
        if await _tried(report, "write", store.apply(name(number), change)):
            report.last[number, own] = count
            report.acknowledged[number, "changes"] += 1
        if await _tried(report, "write", store.transact(name(number), _one_more)):
            report.acknowledged[number, "total"] += 1
        await asyncio.sleep(PAUSE)


def _one_more(session: Shared) -> Change:
    return Change(set={"total": session.total + 1})


async def _read(
    store: SessionStore[Shared], report: Report, over: Callable[[], bool], seed: int
) -> None:
    random_number = random.Random(seed)
    while not over():
        number = random_number.randrange(SESSIONS)
        before = dict(report.last)
        found = await _tried(report, "read", store.get(name(number)))
        if found:
            _compare(report, number, found, before)
        await _tried(report, "read", store.items(name(number)))
        await _tried(report, "read", store.read_draft(name(number)))
        report.keys_seen |= set((await store.get_stats()).key_ids)
        await asyncio.sleep(PAUSE)


def _compare(
    report: Report, number: int, found: Shared, before: dict[tuple[int, str], int]
) -> None:
    """Hold that a value is none older than what was acknowledged before it was read."""
    if found.metadata.get("note") != "never changed":
        report.failures.append(f"session {number} lost what nobody changes")
    for (session, own), count in before.items():
        told = found.metadata.get(own, 0)
        if session == number and isinstance(told, int) and told < count:
            report.failures.append(f"session {number}: {own} is {told} after {count}")


async def _tried(report: Report, kind: str, asked: Awaitable[Any]) -> Any:
    try:
        answer = await asked
    except HoldfastError as exc:
        report.failures.append(f"{kind}: {exc}")
        return None
    if kind == "read":
        report.reads += 1
    else:
        report.writes += 1
    return answer or True
