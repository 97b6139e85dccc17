"""Backends that are broken on purpose, each in one way: what the suite must not let through."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from holdfast.backend import (
    Absent,
    Acquire,
    Apply,
    Changed,
    Count,
    Counted,
    Create,
    Delete,
    Drop,
    Existing,
    Granted,
    ItemsFound,
    List,
    Listed,
    Operation,
    Outcome,
    OverLimit,
    Purge,
    Read,
    ReadItems,
    Release,
    Released,
    Renew,
    Take,
    Touch,
)
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.memory.space import Entry
from holdfast.bells import Bell


class LosesUpdates(MemoryBackend):
    """Reads a session, lets others in, and writes what it makes of the old state."""

    async def execute(self, operation: Operation) -> Outcome:
        before = self._find(operation.key) if isinstance(operation, Apply) else None
        if before is None:
            return await super().execute(operation)
        held = before.record
        await asyncio.sleep(0)
        before.record = held
        return await super().execute(operation)


class RevivesTheExpired(MemoryBackend):
    """A write finds a session that has not been collected yet, whatever its deadline."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply | Touch):
            self._give_time(operation.key)
        return await super().execute(operation)

    def _give_time(self, key: str) -> None:
        namespace, _, session_id = key.partition("/")
        entry = self._space(namespace)._entries.get(session_id)
        if entry is not None and entry.record.expires <= self._clock.wall():
            entry.record = entry.record._replace(base=self._clock.wall())


class RaisesAFlagTwice(MemoryBackend):
    """Looks at the flags first and raises them later."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply) and operation.claim:
            entry = self._find(operation.key)
            if entry and not any(entry.record.integers.get(flag) for flag in operation.claim):
                await asyncio.sleep(0)
                raised = operation._replace(claim=(), put=dict.fromkeys(operation.claim, 1))
                return await super().execute(raised)
        return await super().execute(operation)


class CutsIdleTimes(MemoryBackend):
    """Keeps idle times in whole seconds."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Create):
            operation = operation._replace(ttl=operation.ttl // 1_000_000 * 1_000_000)
        return await super().execute(operation)


class CrossesReplies(MemoryBackend):
    """Two who ask at the same time may each get the other's answer."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._replies: list[Outcome] = []

    async def execute(self, operation: Operation) -> Outcome:
        self._replies.append(await super().execute(operation))
        await asyncio.sleep(0)
        return self._replies.pop()


class ForgetsChangeIds(MemoryBackend):
    """Applies a replay as if it had never seen it."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply):
            operation = operation._replace(remember=False)
        return await super().execute(operation)


class RemembersFewChanges(MemoryBackend):
    """Keeps the last 64 change ids of a session."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        answer = super()._apply(entry, operation)
        while len(entry.changes) > 64:
            entry.changes.popitem(last=False)
        return answer


class AnswersReplaysFromNow(MemoryBackend):
    """Answers a replay with the session as it is, not as it was."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        answer = super()._apply(entry, operation)
        if isinstance(answer, Changed) and answer.replayed:
            return answer._replace(integers=entry.record.integers, revision=entry.record.revision)
        return answer


class IgnoresContent(MemoryBackend):
    """Takes any change under a known id for a replay."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        return super()._apply(entry, operation._replace(digest=b""))


class ChecksBeforeItRemembers(MemoryBackend):
    """Refuses a retry whose condition no longer holds, although it was applied."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        expected = operation.expect_revision
        if expected is not None and expected != entry.record.revision:
            operation = operation._replace(change_id=f"{operation.change_id}/new")
        return super()._apply(entry, operation)


class IgnoresRevisions(MemoryBackend):
    """Compares no revision."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply | Delete):
            operation = operation._replace(expect_revision=None)
        return await super().execute(operation)


class IgnoresIncarnations(MemoryBackend):
    """Takes a session for the one that had its id before."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply | Delete):
            operation = operation._replace(expect_incarnation=None)
        return await super().execute(operation)


class IgnoresLeases(MemoryBackend):
    """Checks no lease at the write."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply):
            operation = operation._replace(lease_token=None)
        return await super().execute(operation)


class IgnoresTheEndOfLeases(MemoryBackend):
    """Compares the token at the write, and not the time."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        if operation.lease_token == entry.lease.token:
            operation = operation._replace(lease_token=None)
        return super()._apply(entry, operation)


class ReleasesForAnybody(MemoryBackend):
    """Gives a lease back without asking whose it is."""

    def _release(self, entry: Entry, operation: Release) -> Released:
        return super()._release(entry, operation._replace(token=entry.lease.token))


class RenewsForAnybody(MemoryBackend):
    """Renews a lease without asking whose it is."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Renew) and (entry := self._find(operation.key)):
            operation = operation._replace(token=entry.lease.token)
        return await super().execute(operation)


class ForgetsItsHolder(MemoryBackend):
    """Has a holder wait for itself when it asks again."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Acquire) and (entry := self._find(operation.key)):
            if entry.lease.token == operation.token:
                operation = operation._replace(token=f"{operation.token}/again")
        return await super().execute(operation)


class LowersFences(MemoryBackend):
    """Begins to count fences anew with every holder."""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(operation, Acquire) and (entry := self._find(operation.key)):
            entry.lease = entry.lease._replace(fence=1)
            return answer._replace(fence=1) if isinstance(answer, Granted) else answer
        return answer


class UsesNumbersAgain(MemoryBackend):
    """Gives the number of a removed item to the next one."""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(operation, Drop) and (entry := self._find(operation.key)):
            last = entry.items[-1].number if entry.items else 0
            entry.record = entry.record._replace(last_item=last)
        return answer


class KeepsHalfARefusal(MemoryBackend):
    """Sets values before it finds out that a counter is at its limit."""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(answer, OverLimit) and isinstance(operation, Apply):
            await super().execute(Apply(operation.key, "half", set=operation.set))
        return answer


class CountsTheExpired(MemoryBackend):
    """Counts what it keeps, collected or not."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Count):
            return Counted(len(self._space(operation.namespace)))
        return await super().execute(operation)


class ListsByActivity(MemoryBackend):
    """Pages through the sessions in the order in which they were last used."""

    def _list(self, operation: List) -> Listed:
        everything = super()._list(operation._replace(limit=10**6, after=None)).sessions
        rows = sorted(everything, key=lambda row: (row[1].active, row[0]))
        after = operation.after or (0, "")
        rows = [row for row in rows if (row[1].active, row[0]) > after]
        page = tuple(rows[: operation.limit])
        ended = len(rows) <= operation.limit
        return Listed(page, None if ended else (page[-1][1].active, page[-1][0]))


class MovesDeadlines(MemoryBackend):
    """Starts the idle time again with every change."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply):
            operation = operation._replace(slide=True)
        return await super().execute(operation)


class OutlivesItsAge(MemoryBackend):
    """Lets an extension move the end that nothing can move."""

    def _touch(self, entry: Entry, operation: Touch) -> Any:
        if operation.ttl is not None:
            cap = max(entry.record.cap, self._clock.wall() + operation.ttl)
            entry.record = entry.record._replace(cap=cap)
        return super()._touch(entry, operation)


class CreatesOnWrite(MemoryBackend):
    """Makes a session out of a change that found none."""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(answer, Absent) and isinstance(operation, Apply):
            await super().execute(Create(operation.key, "ghost", 10**9, 10**9, b"", {}, {}))
            return await super().execute(operation)
        return answer


class RefusesRepeatedCreations(MemoryBackend):
    """Takes the repeat of a creation for somebody else's."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Create) and (entry := self._find(operation.key)):
            return Existing(entry.record)
        return await super().execute(operation)


class KeepsTheLogOfTheDead(MemoryBackend):
    """Leaves the log behind when a session is deleted."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._graves: dict[str, Any] = {}

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Delete) and (entry := self._find(operation.key)):
            self._graves[operation.key] = entry.items
        answer = await super().execute(operation)
        if isinstance(operation, Create) and operation.key in self._graves:
            entry = self._find(operation.key)
            assert entry is not None
            entry.items = self._graves.pop(operation.key)
        return answer


class FoldsCase(MemoryBackend):
    """Takes two ids for one that differ in case alone."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Create | Read | Apply):
            operation = operation._replace(key=operation.key.lower())
        return await super().execute(operation)


class RoundsCounters(MemoryBackend):
    """Adds in floating point."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        answer = super()._apply(entry, operation)
        integers = entry.record.integers
        rounded = {name: int(integers[name] * 1.0000000000000002) for name in integers}
        entry.record = entry.record._replace(integers=rounded)
        return answer._replace(integers=rounded) if isinstance(answer, Changed) else answer


class ReplacesForAnybody(MemoryBackend):
    """Replaces a session without asking whose it is."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        return super()._apply(entry, operation._replace(user_tags=(entry.record.user_tag,)))


class TakesTooMuch(MemoryBackend):
    """Looks at a limit first and takes from it later."""

    async def execute(self, operation: Operation) -> Outcome:
        if not isinstance(operation, Take):
            return await super().execute(operation)
        before = self._limiter._arrivals.get(operation.key, 0)
        await asyncio.sleep(0)
        self._limiter._arrivals[operation.key] = before
        return await super().execute(operation)


class ForgetsRings(MemoryBackend):
    """Wakes only who is waiting at that very moment."""

    @contextmanager
    def listen(self, key: str) -> Iterator[Bell]:
        with self._bells.listen(key) as bell:
            yield _Deaf(bell)


class _Deaf(Bell):
    def __init__(self, bell: Bell) -> None:
        super().__init__()
        self._bell = bell

    async def rung(self, timeout: float | None = None) -> bool:
        self._bell._event.clear()
        return await self._bell.rung(0.01)


class CollectsTheLiving(MemoryBackend):
    """Purges by the deadline that a session had at first."""

    def _purge(self, operation: Purge) -> Any:
        space = self._space(operation.namespace)
        for due, _, entry in space._deadlines:
            if due <= self._clock.wall() and entry.alive:
                entry.record = entry.record._replace(cap=due)
        return super()._purge(operation)


class ReadsLogsFromTheBeginning(MemoryBackend):
    """Takes the number of an item for its place."""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(operation, ReadItems) and (entry := self._find(operation.key)):
            items = tuple(entry.items)[operation.after : operation.after + operation.limit]
            return answer._replace(items=items) if isinstance(answer, ItemsFound) else answer
        return answer
