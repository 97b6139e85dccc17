"""Bells that other processes ring as well: while somebody listens, the file is asked for writes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final

from holdfast.bells import Bell, Bells

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.02
AFTER_FAILURE: Final = 1.0


class Listening:
    """The listeners of this process. `version` gives a number that other processes move."""

    def __init__(self, version: Callable[[], Awaitable[int]]) -> None:
        self._version = version
        self._bells = Bells()
        self._watcher: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._bells)

    @contextmanager
    def listen(self, key: str) -> Generator[Bell]:
        """Be rung for `key` as long as the block lasts."""
        with self._bells.listen(key) as bell:
            if self._watcher is None and not self._closed:
                self._watcher = asyncio.create_task(self._watch(), name="holdfast-sqlite-watcher")
            yield bell

    def ring(self, keys: set[str]) -> None:
        """Wake whoever listens to one of the keys."""
        if len(self._bells):
            for key in keys:
                self._bells.ring(key)

    async def aclose(self) -> None:
        """Stop asking the file, and wake everybody to see that it is closed."""
        self._closed = True
        self._bells.ring_all()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})

    async def _watch(self) -> None:
        """Ring everybody when the number has moved; nobody can say whose session it was.

        The first number rings too, for it may already be one from after the listening began.
        """
        seen: int | None = None
        try:
            while len(self._bells):
                try:
                    version = await self._version()
                except Exception:
                    logger.exception("sqlite.watching_failed")
                    await asyncio.sleep(AFTER_FAILURE)
                    continue
                if version != seen:
                    self._bells.ring_all()
                    seen = version
                await asyncio.sleep(INTERVAL)
        finally:
            self._watcher = None
