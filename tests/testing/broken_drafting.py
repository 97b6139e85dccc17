"""Backends that keep drafts wrongly, each in one way."""

from typing import Any

from holdfast.backend import (
    Absent,
    Apply,
    Create,
    DraftFound,
    DraftKept,
    KeepDraft,
    Operation,
    Outcome,
    ReadDraft,
)
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.memory.space import Entry
from holdfast.events import Event


class IgnoresLeasesOfDrafts(MemoryBackend):
    """Keeps what a holder writes whose lease is over."""

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> Any:
        return super()._keep_draft(entry, operation._replace(lease_token=None))


class KeepsDraftsQuietly(MemoryBackend):
    """Rings nobody for a draft."""

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> Any:
        entry.draft = operation.sealed
        return DraftKept()


class TakesDraftsAwayQuietly(MemoryBackend):
    """Rings for every draft but the one that is none."""

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> Any:
        if operation.sealed:
            return super()._keep_draft(entry, operation)
        entry.draft = b""
        return DraftKept()


class KeepsDraftsAsChanges(MemoryBackend):
    """Moves the session on with every draft."""

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> Any:
        entry.record = entry.record._replace(revision=entry.record.revision + 1)
        return super()._keep_draft(entry, operation)


class TakesDraftsForActivity(MemoryBackend):
    """Starts the idle time again with every draft."""

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> Any:
        entry.record = entry.record._replace(base=self._clock.wall())
        return super()._keep_draft(entry, operation)


class TellsOfDrafts(MemoryBackend):
    """Tells watchers of a draft as of a change."""

    def _keep_draft(self, entry: Entry, operation: KeepDraft) -> Any:
        namespace, _, session_id = operation.key.partition("/")
        self._feeds.tell(namespace, Event("changed", session_id))
        return super()._keep_draft(entry, operation)


class LosesDraftsToChanges(MemoryBackend):
    """Takes a draft for settled as soon as the session changes."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        entry.draft = b""
        return super()._apply(entry, operation)


class KeepsDraftsById(MemoryBackend):
    """Keeps drafts apart from sessions, under their keys, and does not ask whether they live."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._drafts: dict[str, bytes] = {}

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(operation, KeepDraft) and isinstance(answer, DraftKept):
            self._drafts[operation.key] = operation.sealed
        if isinstance(operation, ReadDraft):
            return DraftFound(self._drafts.get(operation.key, b""))
        return answer


class SharesDrafts(MemoryBackend):
    """Has one draft for everybody."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._shared = b""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(answer, DraftKept) and isinstance(operation, KeepDraft):
            self._shared = operation.sealed
        return DraftFound(self._shared) if isinstance(answer, DraftFound) else answer


class CreatesForDrafts(MemoryBackend):
    """Makes a session to keep a draft beside."""

    async def execute(self, operation: Operation) -> Outcome:
        answer = await super().execute(operation)
        if isinstance(answer, Absent) and isinstance(operation, KeepDraft):
            await super().execute(Create(operation.key, "ghost", 10**9, 10**9, b"", {}, {}))
            return await super().execute(operation)
        return answer
