"""Backends that repeat, line up and tell wrongly, each in one way."""

from typing import Any

from holdfast.backend import (
    Acquire,
    Apply,
    Forgotten,
    Granted,
    Held,
    Operation,
    Outcome,
)
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.memory.space import Entry
from holdfast.events import Event


class GuessesRepetitions(MemoryBackend):
    """Takes a repetition that it does not know for one that never arrived."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        return super()._apply(entry, operation._replace(repeated=False))


class GivesRepetitionsUp(MemoryBackend):
    """Says of every repetition that it does not know that nobody can tell."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        if operation.repeated and operation.change_id not in entry.changes:
            return Forgotten()
        return super()._apply(entry, operation)


class ForgetsBeforeItLooks(MemoryBackend):
    """Looks at the revision that was known before it looks for the change."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        if operation.repeated and operation.known_revision < entry.forgotten:
            return Forgotten()
        return super()._apply(entry, operation)


class AppliesToTheNextLife(MemoryBackend):
    """Does not ask which incarnation a repetition was for."""

    def _apply(self, entry: Entry, operation: Apply) -> Outcome:
        return super()._apply(entry, operation._replace(known_incarnation=None))


class WaitsForWhoeverLeft(MemoryBackend):
    """Keeps a line that nobody can leave."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._line: list[str] = []

    def _acquire(self, entry: Entry, operation: Acquire) -> Granted | Held:
        if self._line and self._line[0] != operation.token and not operation.steal:
            answer: Granted | Held = Held(1_000_000)
        else:
            answer = super()._acquire(entry, operation)
        if isinstance(answer, Granted) and operation.token in self._line:
            self._line.remove(operation.token)
        elif isinstance(answer, Held) and operation.waits and operation.token not in self._line:
            self._line.append(operation.token)
        return answer


class TellsTwice(MemoryBackend):
    """Tells of an end once more."""

    def _tell_ended(self, namespace: str, session_id: str, reason: Any) -> None:
        super()._tell_ended(namespace, session_id, reason)
        super()._tell_ended(namespace, session_id, reason)


class TellsOfRefusals(MemoryBackend):
    """Tells of a change that was refused."""

    async def execute(self, operation: Operation) -> Outcome:
        if isinstance(operation, Apply):
            namespace, _, session_id = operation.key.partition("/")
            self._feeds.tell(namespace, Event("changed", session_id))
        return await super().execute(operation)


class TellsNothingOfTheExpired(MemoryBackend):
    """Collects in silence."""

    def _tell_ended(self, namespace: str, session_id: str, reason: Any) -> None:
        if reason != "expired":
            super()._tell_ended(namespace, session_id, reason)


class TellsEverybody(MemoryBackend):
    """Tells the watchers of all namespaces."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        tell = self._feeds.tell

        def tell_all(_: str, event: Event) -> None:
            for namespace in tuple(self._feeds._feeds):
                tell(namespace, event)

        self._feeds.tell = tell_all  # type: ignore[assignment,method-assign]


class KeepsEveryEvent(MemoryBackend):
    """Lets any number of events wait."""

    def events(self, namespace: str) -> Any:
        watching = super().events(namespace)
        return _Unbounded(watching)


class _Unbounded:
    def __init__(self, watching: Any) -> None:
        self._watching = watching

    async def __aenter__(self) -> Any:
        feed = await self._watching.__aenter__()
        feed._limit = 10**9
        return feed

    async def __aexit__(self, *exc_info: object) -> Any:
        return await self._watching.__aexit__(*exc_info)
