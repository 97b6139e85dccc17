"""A thread with one thing living in it, so that the event loop never waits for the disk.

Each lane has a thread and a queue of its own: handing a call over takes two thirds of the time that
an executor of one thread takes.
"""

import asyncio
import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, Protocol, Self, TypeVar

from holdfast.errors import HoldfastError, StoreUnavailable

logger = logging.getLogger(__name__)


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Give back what it holds."""


P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=Closable)


class _Call(NamedTuple):
    """Something to do in the thread, and who waits for it in the event loop."""

    function: Callable[[], Any]
    answer: "asyncio.Future[Any]"

    def run(self) -> None:
        try:
            result = self.function()
        except HoldfastError as exc:
            self._hand_back(self._fail, exc)
        except Exception as exc:
            logger.exception("sqlite.call_failed")
            self._hand_back(self._fail, exc)
        else:
            self._hand_back(self._succeed, result)

    def _hand_back(self, settle: Callable[[Any], None], value: object) -> None:
        loop = self.answer.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, value)

    def _fail(self, error: Exception) -> None:
        if self.answer.done():
            return
        if isinstance(error, StopIteration):
            # A future refuses it, and its caller would wait for ever.
            refused, error = error, RuntimeError("A call ended with StopIteration")
            error.__cause__ = refused
        self.answer.set_exception(error)

    def _succeed(self, result: object) -> None:
        if not self.answer.done():
            self.answer.set_result(result)


class Lane(Generic[T]):
    """Builds, uses and closes its inhabitant in one thread, one call after the other."""

    def __init__(self, name: str, build: Callable[[], T]) -> None:
        self._name = name
        self._build = build
        self._inhabitant: T | None = None
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()

    async def __aenter__(self) -> Self:
        thread = Thread(target=self._serve, name=self._name, daemon=True)
        thread.start()
        self._thread = thread
        try:
            await self._run(self._move_in)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end()

    async def call(
        self, method: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Give what a method of the inhabitant gives.

        Raises:
            StoreUnavailable: the inhabitant has not moved in, or has moved out.
        """
        inhabitant = self._inhabitant
        if inhabitant is None:
            raise StoreUnavailable("The session store is not open; use it inside `async with`")
        return await self._run(lambda: method(inhabitant, *args, **kwargs))

    async def _run(self, function: Callable[[], R]) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._calls.put(_Call(function, answer))
        return await answer

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()

    async def _end(self) -> None:
        """Let the thread finish what it was given, move out, and end.

        Whoever gives up waiting for that does not keep the thread from it.
        """
        try:
            await self._run(self._move_out)
        finally:
            self._calls.put(None)
        self._thread.join()  # at once, for nothing is left to do

    def _move_in(self) -> None:
        self._inhabitant = self._build()

    def _move_out(self) -> None:
        if self._inhabitant is not None:
            self._inhabitant.close()
            self._inhabitant = None
