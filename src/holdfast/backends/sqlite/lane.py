"""A thread with one thing living in it, so that the event loop never waits for the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Give back what it holds."""


P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=Closable)


class Lane(Generic[T]):
    """Builds, uses and closes its inhabitant in one thread, one call after the other."""

    def __init__(self, name: str, build: Callable[[], T]) -> None:
        self._name = name
        self._build = build
        self._inhabitant: T | None = None

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        try:
            await self._run(self._move_in)
        except BaseException:
            self._thread.submit(self._move_out)
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._run(self._move_out)
        finally:
            self._thread.shutdown()

    async def call(
        self, method: Callable[Concatenate[T, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Give what a method of the inhabitant gives."""
        inhabitant = self._inhabitant
        if inhabitant is None:
            raise RuntimeError(f"{self._name} is closed; use the backend inside `async with`")
        return await self._run(lambda: method(inhabitant, *args, **kwargs))

    async def _run(self, function: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _move_in(self) -> None:
        self._inhabitant = self._build()

    def _move_out(self) -> None:
        if self._inhabitant is not None:
            self._inhabitant.close()
            self._inhabitant = None
