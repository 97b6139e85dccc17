"""Backends that reseal wrongly, each in one way."""

from typing import Any

from holdfast.backend import Operation, Outcome, Reseal, Resealed
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.memory.space import Entry
from holdfast.events import Event


class ResealsBlindly(MemoryBackend):
    """Writes whatever it is given over whatever there is."""

    def _run_on(self, entry: Entry, operation: Operation) -> Outcome:
        if not isinstance(operation, Reseal):
            return super()._run_on(entry, operation)
        values = {
            **entry.record.values,
            **{swap.new_tag: swap.resealed for swap in operation.values},
        }
        entry.record = entry.record._replace(values=values)
        return Resealed(0)


class ResealsAsAChange(MemoryBackend):
    """Moves the session on."""

    def _run_on(self, entry: Entry, operation: Operation) -> Any:
        if isinstance(operation, Reseal):
            entry.record = entry.record._replace(revision=entry.record.revision + 1)
        return super()._run_on(entry, operation)


class RingsForResealing(MemoryBackend):
    """Tells watchers of it as of a change."""

    def _run_on(self, entry: Entry, operation: Operation) -> Any:
        if isinstance(operation, Reseal):
            namespace, _, session_id = operation.key.partition("/")
            self._feeds.tell(namespace, Event("changed", session_id))
        return super()._run_on(entry, operation)


class ForgetsItems(MemoryBackend):
    """Exchanges values alone."""

    def _run_on(self, entry: Entry, operation: Operation) -> Any:
        if isinstance(operation, Reseal):
            operation = operation._replace(items=())
        return super()._run_on(entry, operation)


class LeavesTheOldName(MemoryBackend):
    """Keeps a value under its old name as well."""

    def _run_on(self, entry: Entry, operation: Operation) -> Any:
        before = entry.record.values
        answer = super()._run_on(entry, operation)
        if isinstance(operation, Reseal):
            entry.record = entry.record._replace(values={**before, **entry.record.values})
        return answer


class LeavesTheUser(MemoryBackend):
    """Leaves the session under the old tag of its user, and says otherwise."""

    def _run_on(self, entry: Entry, operation: Operation) -> Any:
        tag = entry.record.user_tag
        answer = super()._run_on(entry, operation)
        if isinstance(operation, Reseal):
            entry.record = entry.record._replace(user_tag=tag)
        return answer
