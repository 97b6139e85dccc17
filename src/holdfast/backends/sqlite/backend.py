"""The SQLite backend: callers travel together, writers on one connection, readers on another."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
)
from os import PathLike
from pathlib import Path
from typing import Final, Self

from holdfast.backend import Count, List, Operation, Outcome, Read, ReadDraft, ReadItems
from holdfast.backends.entering import already_open
from holdfast.backends.sqlite.connections import Synchronous, connect_to_read, connect_to_write
from holdfast.backends.sqlite.lane import Lane
from holdfast.backends.sqlite.listening import Listening
from holdfast.backends.sqlite.reader import Reader
from holdfast.backends.sqlite.telling import Telling
from holdfast.backends.sqlite.writer import Writer
from holdfast.bells import Bell
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.coalescer import Answer, Coalescer
from holdfast.events import Event

READS: Final = (Read, ReadItems, ReadDraft, Count, List)


class SQLiteBackend:
    """Keeps sessions in the file at `path`, which several processes may use at once.

    With `synchronous="FULL"` an answered change survives a loss of power; with `"NORMAL"` the last
    ones may be gone then, though the file stays sound. `patience` is how many seconds a batch
    waits for writers in other processes.

    Entering raises `InvalidStore` when the file is no session store, and leaves it as it is, and
    `RuntimeError` while the backend is open. A closed one may be entered again.
    """

    name = "sqlite"
    answers_can_be_lost = False
    part_of = None

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        clock: Clock = SYSTEM_CLOCK,
        synchronous: Synchronous = "FULL",
        patience: float = 5.0,
    ) -> None:
        self._path = Path(path).absolute()
        self._clock = clock
        self._synchronous: Synchronous = synchronous
        self._patience = patience
        self._open = False
        self._opened = AsyncExitStack()
        self._prepare()

    def _prepare(self) -> None:
        """Make the parts that serve for one opening."""
        self._writer = Lane("holdfast-sqlite-writer", self._open_writer)
        self._reader = Lane("holdfast-sqlite-reader", self._open_reader)
        self._writes = Coalescer(self._write)
        self._reads = Coalescer(self._read)
        self._listening = Listening(self._version)
        self._telling = Telling(self._writer, self._reader)

    async def __aenter__(self) -> Self:
        if self._open:
            raise already_open(self.name)
        self._open = True
        self._prepare()
        async with AsyncExitStack() as opened:
            opened.callback(self._forget_opening)
            await opened.enter_async_context(self._writer)
            await opened.enter_async_context(self._reader)
            opened.push_async_callback(self._telling.aclose)
            opened.push_async_callback(self._listening.aclose)
            opened.push_async_callback(self._reads.aclose)
            opened.push_async_callback(self._writes.aclose)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Answer what waits, wake who listens, then close the file."""
        await self._opened.aclose()

    def _forget_opening(self) -> None:
        self._open = False

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation, together with others that are asked for now."""
        lane = self._reads if isinstance(operation, READS) else self._writes
        return await lane.execute(operation)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Ring when the session changes, ends, or loses its lease, in whichever process."""
        return self._listening.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Ring when the session moves: nobody keeps a line, whoever asks first has the lease."""
        return self.listen(key)

    def events(self, namespace: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Tell what happens to the sessions of a namespace, in whichever process."""
        return self._telling.watch(namespace)

    def statistics(self) -> Mapping[str, int]:
        """Count batches on either side, and listeners."""
        return {
            **{f"write_{name}": count for name, count in self._writes.statistics().items()},
            **{f"read_{name}": count for name, count in self._reads.statistics().items()},
            "listeners": len(self._listening),
        }

    async def _write(self, operations: Sequence[Operation]) -> Sequence[Answer]:
        answers, touched = await self._writer.call(Writer.run, operations)
        self._listening.ring(touched)
        if touched and self._telling:
            self._telling.ring()
        return answers

    async def _read(self, operations: Sequence[Operation]) -> Sequence[Answer]:
        return await self._reader.call(Reader.run, operations)

    async def _version(self) -> int:
        return await self._writer.call(Writer.version)

    def _open_writer(self) -> Writer:
        connection = connect_to_write(
            self._path, synchronous=self._synchronous, patience=self._patience
        )
        writer = Writer(connection, clock=self._clock, patience=self._patience)
        try:
            writer.forget_stale_limits()
        except BaseException:
            writer.close()
            raise
        return writer

    def _open_reader(self) -> Reader:
        connection = connect_to_read(self._path, patience=self._patience)
        return Reader(connection, clock=self._clock)
