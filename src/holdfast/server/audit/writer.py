"""Writing many entries together: who waits for the disk waits once for all that came meanwhile."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from holdfast.server.audit.chain import Entry
from holdfast.server.database import DatabaseUnavailable

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
MOST_TOGETHER: Final = 500

Write = Callable[[Sequence[Entry]], Awaitable[None]]


class Waiting(NamedTuple):
    """An entry that is to be written, and who waits for that."""

    entry: Entry
    written: "asyncio.Future[None]"


class Writer:
    """Takes entries from the requests of this process; made by `writing`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Waiting | None] = asyncio.Queue(MOST_WAITING)
        self._finished = False

    async def write(self, entry: Entry) -> None:
        """Write an entry, and return when it is on the disk.

        Raises:
            DatabaseUnavailable: it is not.
        """
        if self._finished:
            raise DatabaseUnavailable
        waiting = _waiting(entry)
        await self._queue.put(waiting)
        # Who gives up waiting does not take the entry back.
        await asyncio.shield(waiting.written)

    def write_soon(self, entry: Entry) -> bool:
        """Write an entry when there is time; False where too many wait already."""
        if self._finished or self._queue.full():
            return False
        waiting = _waiting(entry)
        waiting.written.add_done_callback(_look_at)
        self._queue.put_nowait(waiting)
        return True

    async def finish(self) -> None:
        """Take no more, and let `run` end when all is written."""
        self._finished = True
        await self._queue.put(None)

    async def run(self, write: Write, then: Callable[[], Awaitable[None]]) -> None:
        """Write what comes until `finish`, and do `then` each time, when nobody waits any more."""
        going_on = True
        while going_on:
            taken = [await self._queue.get()]
            while len(taken) < MOST_TOGETHER and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            going_on = None not in taken
            if together := [waiting for waiting in taken if waiting is not None]:
                await _write(together, write)
                await _settle(then)


@asynccontextmanager
async def writing(write: Write, *, then: Callable[[], Awaitable[None]]) -> AsyncGenerator[Writer]:
    """Have a writer for the block; at its end everything is written."""
    writer = Writer()
    task = asyncio.create_task(writer.run(write, then), name="holdfast-audit")
    try:
        yield writer
    finally:
        await writer.finish()
        await task


async def _write(together: list[Waiting], write: Write) -> None:
    try:
        await write([waiting.entry for waiting in together])
    except Exception as exc:
        # Whoever waits is told; the next entries may find the database well again.
        logger.exception("audit.not_written", extra={"count": len(together)})
        for waiting in together:
            waiting.written.set_exception(exc)
    else:
        for waiting in together:
            waiting.written.set_result(None)


async def _settle(then: Callable[[], Awaitable[None]]) -> None:
    try:
        await then()
    except Exception:
        # The entries are written; the next round tries again.
        logger.exception("audit.not_anchored")


def _waiting(entry: Entry) -> Waiting:
    return Waiting(entry, asyncio.get_running_loop().create_future())


def _look_at(written: "asyncio.Future[None]") -> None:
    """See the error of an entry that nobody waits for: it is in the log already."""
    if not written.cancelled():
        written.exception()
