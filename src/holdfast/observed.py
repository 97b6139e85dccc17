"""A backend whose every answer is told to observers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Self

from holdfast.backend import REFUSALS, Absent, Backend, Operation, Outcome
from holdfast.bells import Bell
from holdfast.errors import StoreUnavailable
from holdfast.events import Event
from holdfast.observing import Observer
from holdfast.operations import operation_name


class Observed:
    """Times what another backend does, and passes everything on as it is."""

    def __init__(self, backend: Backend, observers: Iterable[Observer]) -> None:
        self.name = backend.name
        self.answers_can_be_lost = backend.answers_can_be_lost
        self.part_of = backend.part_of
        self._backend = backend
        self._observers = tuple(observers)

    async def __aenter__(self) -> Self:
        await self._backend.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._backend.__aexit__(*exc_info)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Listen to the backend itself."""
        return self._backend.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Line up at the backend itself."""
        return self._backend.line_up(key, token)

    def events(self, namespace: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Let the backend itself tell."""
        return self._backend.events(namespace)

    def statistics(self) -> Mapping[str, int]:
        """Count what the backend counts."""
        return self._backend.statistics()

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation, and tell how it went."""
        began = time.perf_counter()
        status = "error"
        try:
            outcome = await self._backend.execute(operation)
            status = _status(outcome)
        except StoreUnavailable:
            status = "unavailable"
            raise
        except asyncio.CancelledError:
            status = "cancelled"
            raise
        finally:
            self._tell(operation, status, time.perf_counter() - began)
        return outcome

    def _tell(self, operation: Operation, status: str, seconds: float) -> None:
        for observer in self._observers:
            observer.operation_finished(
                operation=operation_name(operation),
                store=self.name,
                status=status,
                seconds=seconds,
            )


def _status(outcome: Outcome) -> str:
    if isinstance(outcome, Absent):
        return "absent"
    return "refused" if isinstance(outcome, REFUSALS) else "ok"
