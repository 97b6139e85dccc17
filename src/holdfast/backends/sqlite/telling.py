"""Watchers of this process, told of what all processes do to the sessions in the file."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from holdfast.backends.sqlite.lane import Lane
from holdfast.backends.sqlite.reader import Reader
from holdfast.backends.sqlite.writer import Writer
from holdfast.errors import StoreUnavailable
from holdfast.events import Event, Feed, Feeds

logger = logging.getLogger(__name__)

INTERVAL: Final = 0.02
# How often a watcher says that it goes on, in seconds.
BEAT: Final = 3.0
AFTER_FAILURE: Final = 1.0
EVENTS_READ: Final = 1000


class Telling:
    """Reads events from the file while this process has watchers."""

    def __init__(self, writer: Lane[Writer], reader: Lane[Reader]) -> None:
        self._writer = writer
        self._reader = reader
        self._feeds = Feeds()
        self._joining = asyncio.Lock()
        self._rung = asyncio.Event()
        self._token: str | None = None
        self._seen = 0
        self._following: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._feeds)

    @asynccontextmanager
    async def watch(self, namespace: str) -> AsyncGenerator[Feed]:
        """Tell a new watcher what happens in a namespace while the block lasts."""
        try:
            with self._feeds.watch(namespace) as feed:
                await self._join()
                yield feed
        finally:
            self._rung.set()

    def ring(self) -> None:
        """Read on at once: this process itself has written."""
        self._rung.set()

    async def aclose(self) -> None:
        """Watch no more, and let all watchers go once they were told of everything."""
        self._closed = True
        self._rung.set()
        if self._following is not None:
            await asyncio.wait({self._following})
        self._feeds.end()

    async def _join(self) -> None:
        async with self._joining:
            if self._closed:
                raise StoreUnavailable("The session store is closed")
            if self._token is None:
                token = secrets.token_hex(16)
                self._seen = await self._writer.call(Writer.join, token)
                self._token = token
                self._following = asyncio.create_task(
                    self._follow(token), name="holdfast-sqlite-events"
                )

    async def _follow(self, token: str) -> None:
        """Read on until nobody watches any more."""
        beat = time.monotonic() + BEAT
        while not await self._left(token):
            self._rung.clear()
            try:
                await self._read_on()
                if time.monotonic() >= beat:
                    beat = time.monotonic() + BEAT
                    await self._go_on(token)
            except Exception:
                logger.exception("sqlite.telling_failed")
                await asyncio.sleep(AFTER_FAILURE)
                continue
            await self._pause()

    async def _left(self, token: str) -> bool:
        """Leave if nobody watches any more; those who are about to join wait for that."""
        async with self._joining:
            if len(self._feeds) and not self._closed:
                return False
            self._token = None
            try:
                await self._read_on()
                await self._writer.call(Writer.leave, token)
            except StoreUnavailable:
                # It is forgotten soon, for it does not go on.
                logger.warning("sqlite.leaving_failed")
            return True

    async def _read_on(self) -> None:
        rows = await self._reader.call(Reader.events_after, self._seen, limit=EVENTS_READ)
        for number, key, kind, reason in rows:
            if number != self._seen + 1:
                self._feeds.lose()
            self._seen = number
            namespace, _, session_id = key.partition("/")
            self._feeds.tell(namespace, Event(kind, session_id, reason))
        if len(rows) == EVENTS_READ:
            self._rung.set()

    async def _go_on(self, token: str) -> None:
        joined = await self._writer.call(Writer.go_on, token, self._seen)
        if joined is not None:
            # This process stood still for so long that nothing was kept for it.
            self._seen = joined
            self._feeds.lose()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(INTERVAL):
                await self._rung.wait()
        except TimeoutError:
            return
