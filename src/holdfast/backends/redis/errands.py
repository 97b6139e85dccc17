"""Commands that nobody waits for: what is refused is recovered, what failed is done again."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from holdfast.backends.redis.keys import bucket_of
from holdfast.backends.redis.link import Command, Link, Refused, Reply
from holdfast.backends.redis.resp import encode
from holdfast.errors import StoreUnavailable

logger = logging.getLogger(__name__)

# How long to wait before what failed is done again, in seconds.
PAUSE: Final = 1.0
# So long a connection may be away before those who rely on it are told, in seconds.
GRACE: Final = 2.0

Again = Callable[[], None]


def leave_it() -> None:
    """Do not do again what failed."""


def subscription(channel: bytes) -> Command:
    """Subscribe to a channel of a bucket."""
    return Command(encode(b"SSUBSCRIBE", channel), subscribes=True)


def unsubscription(channel: bytes) -> Command:
    """Leave a channel of a bucket."""
    return Command(encode(b"SUNSUBSCRIBE", channel), subscribes=True)


class Errands:
    """Sends through a link from `begin` to `aclose`; before and after, nothing happens."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._told: set[str] = set()

    def __len__(self) -> int:
        return len(self._tasks) + len(self._timers)

    def begin(self, link: Link) -> None:
        """Send through this link from now on."""
        self._link = link

    async def aclose(self) -> None:
        """Send nothing any more, and leave nothing behind."""
        self._link = None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def bucket_of(self, name: bytes) -> int:
        """Say which bucket a name is in."""
        return 0 if self._link is None else bucket_of(name, self._link.buckets)

    def buckets(self) -> range:
        """Give all buckets of the store."""
        return range(0 if self._link is None else self._link.buckets)

    def last_heard(self) -> list[float]:
        """Say for each bucket when its node was heard, in seconds of the loop; 0 if it is away."""
        return [] if self._link is None else list(map(self._link.last_heard, self.buckets()))

    def send(self, bucket: int, command: Command, again: Again) -> None:
        """Queue a command now; call `again` after a pause if it cannot be done."""
        if self._link is None:
            return
        try:
            future = self._link.send(bucket, command)
        except StoreUnavailable:
            self.later(again)
            return
        future.add_done_callback(partial(self._answered, bucket, command, again))

    async def ask(self, bucket: int, command: Command) -> Reply:
        """Send a command, and wait for its answer.

        Raises:
            StoreUnavailable: as any sending.
            Refused: the server will not have it.
        """
        if self._link is None:
            raise StoreUnavailable("The session store is closed")
        link = self._link
        try:
            return await link.send(bucket, command)
        except Refused as refused:
            failure = refused
        return await link.recover(bucket, command, failure)

    def note(self, refused: Refused) -> None:
        """Log once what the server refuses: the store works without it, later than with it."""
        if refused.code not in self._told:
            self._told.add(refused.code)
            logger.warning("redis.errand_refused", extra={"code": refused.code})

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work in the background, until all is closed."""
        if self._link is None:
            work.close()
            return
        task = asyncio.create_task(work, name="holdfast-redis-errand")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, work: Again, pause: float = PAUSE) -> None:
        """Call `work` after a pause, unless all is closed by then."""

        def run() -> None:
            self._timers.discard(timer)
            work()

        if self._link is not None:
            timer = asyncio.get_running_loop().call_later(pause, run)
            self._timers.add(timer)

    def _answered(
        self, bucket: int, command: Command, again: Again, future: "asyncio.Future[Reply]"
    ) -> None:
        if future.cancelled():
            # Nobody but the end of the loop cancels it.
            return
        error = future.exception()
        if isinstance(error, Refused) and self._link is not None:
            self.start(self._recover(self._link, bucket, command, again, error))
        elif error is not None:
            self.later(again)

    async def _recover(
        self, link: Link, bucket: int, command: Command, again: Again, refused: Refused
    ) -> None:
        try:
            await link.recover(bucket, command, refused)
        except StoreUnavailable:
            self.later(again)
        except Refused as exc:
            self.note(exc)
            self.later(again)
