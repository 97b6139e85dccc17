"""Stores that are broken on purpose, each in one way: what the suite must not let through."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from holdfast.backend import Apply, Found, KeepDraft, Operation, Outcome, Read, Renew, Touch
from holdfast.backends.memory import MemoryBackend
from holdfast.change import Applied, Change, Item
from holdfast.errors import (
    DecryptionFailed,
    HoldfastError,
    LeaseUnavailable,
    SessionExists,
    SessionNotFound,
)
from holdfast.holding import Lease
from holdfast.store import SessionStore
from holdfast.testing.store_steps import Account


class Broken(SessionStore[Account]):
    """A store whose model is the suite's."""


class WritesWhatItRead(Broken):
    """Reads, lets `fn` decide, and writes whatever has happened meanwhile."""

    async def transact(self, session_id: str, fn: Callable[[Account], Change]) -> Applied:
        session = await self.get(session_id)
        if session is None:
            raise SessionNotFound(session_id)
        await asyncio.sleep(0)
        return await self.apply(session_id, fn(session))


class CreatesTwice(Broken):
    """Two who find nothing both create; the second one replaces the first one's session."""

    async def get_or_create(
        self,
        session_id: str,
        *,
        factory: Callable[[], Mapping[str, Any]] | None = None,
        ttl: float | None = None,
    ) -> Account:
        found = await self.get(session_id)
        if found is not None:
            return found
        await asyncio.sleep(0)
        await self.delete(session_id)
        return await self.create(session_id, ttl=ttl, **(factory() if factory else {}))


class SendsRepetitionsAsNew(Broken):
    """Keeps from the backend that a change may have been applied before."""

    async def apply(self, session_id: str, change: Change) -> Applied:
        return await super().apply(session_id, change._replace(known_revision=None))


class RevivesOnSet(Broken):
    """A save creates what is not there."""

    async def set(self, session: Account, *, ttl: float | None = None) -> Applied:
        try:
            return await super().set(session, ttl=ttl)
        except SessionNotFound:
            new = session.model_copy(update={"revision": 0, "incarnation": ""})
            return await super().set(new, ttl=ttl)


class ShowsNothingForAWrongKey(Broken):
    """What does not open is shown as absent."""

    async def get(self, session_id: str, *, fresh: bool = False) -> Account | None:
        try:
            return await super().get(session_id, fresh=fresh)
        except DecryptionFailed:
            return None


class ExtendsWhenTouched(Broken):
    """A touch starts the store's own ttl again."""

    async def touch(self, session_id: str) -> bool:
        return await self.extend(session_id, self.terms.ttl)


class ExtendsWhenRead(Broken):
    """A read slides."""

    async def get(self, session_id: str, *, fresh: bool = False) -> Account | None:
        await self.backend.execute(Touch(self._key(session_id), slide=True))
        return await super().get(session_id, fresh=fresh)


class SharesWhatItRead(Broken):
    """Gives every reader the same plain dictionary."""

    async def get(self, session_id: str, *, fresh: bool = False) -> Account | None:
        session = await super().get(session_id, fresh=fresh)
        if session is None:
            return None
        return session.model_copy(update={"metadata": dict(session.metadata)})


class RoundsNumbers(Broken):
    """Writes every number as a double."""

    async def append(self, session_id: str, *items: Any) -> int:
        return await super().append(session_id, *map(_doubled, items))


def _doubled(value: Any) -> Any:
    return float(value) if type(value) is int else value


class GivesUpABatch(Broken):
    """The first error of a batch is the answer to all of it."""

    async def set_batch(self, sessions: Iterable[Account]) -> dict[str, Applied | HoldfastError]:
        return {session.session_id: await self.set(session) for session in sessions}


class DropsBeforeItOpens(Broken):
    """Takes an item away before it knows that it can give it."""

    async def pop_item(self, session_id: str) -> Item | None:
        dropped = await self._drop(session_id, everything=False)
        return None if dropped.item is None else self._decoder.item(session_id, dropped.item)


class CreatesOnUpdate(Broken):
    """An update of nothing makes something."""

    async def apply(self, session_id: str, change: Change) -> Applied:
        try:
            return await super().apply(session_id, change)
        except SessionNotFound:
            await self.create(session_id)
            return await super().apply(session_id, change)


class CreatesOverOthers(Broken):
    """`create` is `get_or_create` by another name."""

    async def create(
        self,
        session_id: str | None = None,
        *,
        user_id: str | None = None,
        ttl: float | None = None,
        **state: Any,
    ) -> Account:
        try:
            return await super().create(session_id, user_id=user_id, ttl=ttl, **state)
        except SessionExists:
            found = await self.get(session_id or "")
            assert found is not None
            return found


class CountsAttempts(Broken):
    """Tries for a lease three times, and gives up."""

    def lease(
        self, session_id: str, *, ttl: float = 30, wait: float = 10, steal: bool = False
    ) -> AbstractAsyncContextManager[Lease]:
        return self._attempt(session_id, ttl)

    @asynccontextmanager
    async def _attempt(self, session_id: str, ttl: float) -> AsyncIterator[Lease]:
        for attempt in range(3):
            try:
                async with super().lease(session_id, ttl=ttl, wait=0) as lease:
                    yield lease
                return
            except LeaseUnavailable:
                await asyncio.sleep(0.1 * 2**attempt)
        raise LeaseUnavailable(session_id, waited=0.7, retry_after=1)


class WritesWithoutTheLease(Broken):
    """A write under a lease does not say so to the backend."""

    async def apply(self, session_id: str, change: Change) -> Applied:
        return await super().apply(
            session_id, Change(set=change.set, add=change.add, append=change.append)
        )


class WatchesByPolling(Broken):
    """Looks now and then, and takes another life of the id for the same session."""

    async def watch(self, session_id: str) -> AsyncIterator[int]:
        seen = 0
        while (session := await self.get(session_id)) is not None:
            if session.revision != seen:
                seen = session.revision
                yield seen
            await asyncio.sleep(0.01)


class NeverRenews(MemoryBackend):
    """A renewal is promised and forgotten."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Renew):
            held = self._find(operation.key)
            lease = held.lease if held else None
            answer = await super().execute(operation)
            if held and lease:
                held.lease = lease
            return answer
        return await super().execute(operation)


class SwapsSessions(MemoryBackend):
    """Two who read at the same time get each other's session."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._last: Found | None = None

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if not isinstance(operation, Read) or not isinstance(answer, Found):
            return answer
        swapped, self._last = self._last, answer
        await asyncio.sleep(0)
        return swapped or answer


class KeepsTheUnsealed(MemoryBackend):
    """Writes down what it was told, beside what was sealed: here, the change id as a value."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply) and operation.set:
            kept = {**operation.set, b"plain": b"Mistral"}
            operation = operation._replace(set=kept)
        return await super().execute(operation)


class KeepsDraftsAsMetadata(Broken):
    """A draft is a change like any."""

    async def keep_draft(
        self, session_id: str, value: Any, *, lease_token: str | None = None
    ) -> bool:
        change = Change(set={"draft": value}, lease_token=lease_token)
        try:
            await self.apply(session_id, change)
        except SessionNotFound:
            return False
        return True

    async def read_draft(self, session_id: str) -> Any:
        session = await self.get(session_id)
        return None if session is None else session.metadata.get("draft")


class KeepsDraftsForAnybody(Broken):
    """A draft under a lease does not say so to the backend."""

    async def keep_draft(
        self, session_id: str, value: Any, *, lease_token: str | None = None
    ) -> bool:
        return await super().keep_draft(session_id, value)


class OpensAnyDraft(Broken):
    """What does not open is no draft."""

    async def read_draft(self, session_id: str) -> Any:
        try:
            return await super().read_draft(session_id)
        except DecryptionFailed:
            return None


class KeepsDraftsUnsealed(Broken):
    """A draft is not worth a seal."""

    async def keep_draft(
        self, session_id: str, value: Any, *, lease_token: str | None = None
    ) -> bool:
        plain = repr(value).encode()
        await self.backend.execute(KeepDraft(self._key(session_id), plain, lease_token))
        return True
