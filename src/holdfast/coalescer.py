"""Callers travel together: what is asked for while a batch is under way becomes the next batch.

A batch belongs to the coalescer's own task, not to a caller. A caller cancelled before its
operation was sent withdraws it; afterwards the operation finishes without it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from typing import Final, NamedTuple

from holdfast.backend import Apply, Create, KeepDraft, Operation, Outcome, Reseal
from holdfast.errors import StoreUnavailable

logger = logging.getLogger(__name__)

MAX_BATCH: Final = 256
MAX_BATCH_BYTES: Final = 1 << 20
MAX_WAITING: Final = 20_000

Answer = Outcome | Exception
RunBatch = Callable[[Sequence[Operation]], Awaitable[Sequence[Answer]]]


class _Waiting(NamedTuple):
    operation: Operation
    answer: "asyncio.Future[Outcome]"


class Coalescer:
    """Collects operations into batches, first come first served, one batch in flight.

    `run` answers every operation of a batch, in order, with an outcome or the exception that its
    caller is to see; if `run` itself raises, every caller of the batch sees a copy of that.
    """

    def __init__(self, run: RunBatch, *, max_waiting: int = MAX_WAITING) -> None:
        self._run = run
        self._max_waiting = max_waiting
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False
        self._batches = 0
        self._operations = 0
        self._largest = 0

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation, together with whatever else is asked for now.

        Raises:
            StoreUnavailable: too many operations wait already, or the coalescer is closed.
        """
        if self._closed:
            raise StoreUnavailable("The session store is closed")
        if len(self._waiting) >= self._max_waiting:
            raise StoreUnavailable(f"{self._max_waiting} operations wait for the session store")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(operation, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name="holdfast-coalescer")
        return await answer

    async def aclose(self) -> None:
        """Answer what waits, then take nothing more. Who gives up closing stops no answer."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def statistics(self) -> Mapping[str, int]:
        """Count batches, the operations in them, the largest one, and who waits."""
        return {
            "batches": self._batches,
            "batched_operations": self._operations,
            "largest_batch": self._largest,
            "waiting": len(self._waiting),
        }

    async def _work(self) -> None:
        try:
            while batch := self._next_batch():
                await self._answer(batch)
        finally:
            self._worker = None

    def _next_batch(self) -> list[_Waiting]:
        """Take from the front what still has a caller, up to the size of a batch."""
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH:
            size += _size(self._waiting[0].operation)
            if batch and size > MAX_BATCH_BYTES:
                break
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                batch.append(waiting)
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        self._batches += 1
        self._operations += len(batch)
        self._largest = max(self._largest, len(batch))
        answers: Sequence[Answer]
        try:
            answers = await self._run([waiting.operation for waiting in batch])
            if len(answers) != len(batch):
                raise RuntimeError(f"{len(batch)} operations were given {len(answers)} answers")
        except StoreUnavailable as exc:
            answers = [_copied(exc) for _ in batch]
        except Exception as exc:
            logger.exception("coalescer.batch_failed")
            answers = [_copied(exc) for _ in batch]
        for waiting, answer in zip(batch, answers, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(answer, Exception):
                waiting.answer.set_exception(answer)
            else:
                waiting.answer.set_result(answer)


def _copied(error: Exception) -> Exception:
    """Give a caller an error of its own: raising one changes it."""
    try:
        own = copy(error)
    except TypeError:  # its class cannot make one of what another holds
        return error
    own.__cause__ = error.__cause__
    return own.with_traceback(error.__traceback__)


def _size(operation: Operation) -> int:
    """Estimate what an operation carries, in bytes."""
    match operation:
        case Apply():
            return sum(map(len, operation.set.values())) + sum(map(len, operation.append))
        case Create():
            return sum(map(len, operation.values.values()))
        case KeepDraft():
            return len(operation.sealed)
        case Reseal():
            values = sum(len(swap.resealed) for swap in operation.values)
            return values + sum(len(swap.resealed) for swap in operation.items)
        case _:
            return 0
