"""Waiting for a lease: the release wakes the process whose turn it is, and no other.

A process subscribes to its channel of a bucket when it first waits there, over the connection that
its `Acquire` goes over afterwards, so a wake-up cannot come too early. One that is lost costs a
beat (`leasing.BEAT`): whoever waits asks again by then.
"""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from holdfast.backends.redis.errands import Errands, subscription
from holdfast.backends.redis.keys import WAKING, key
from holdfast.bells import Bell, Bells


class Waking:
    """Those of this process who stand in line; `process` is its name in all lines."""

    def __init__(self, errands: Errands, *, process: bytes) -> None:
        self.process = process
        self._errands = errands
        self._bells = Bells()
        self._waiting: Counter[int] = Counter()
        self._subscribed: set[int] = set()

    def __len__(self) -> int:
        return len(self._bells)

    @contextmanager
    def line_up(self, name: str, token: str) -> Generator[Bell]:
        """Be rung when it may be this token's turn."""
        bucket = self._errands.bucket_of(name.encode())
        self._waiting[bucket] += 1
        self._subscribe(bucket)
        try:
            with self._bells.listen(f"{name} {token}") as bell:
                yield bell
        finally:
            self._waiting[bucket] -= 1
            if not self._waiting[bucket]:
                del self._waiting[bucket]

    def woken(self, message: bytes) -> None:
        """Ring for whom a release means: `<name of the session> <token>`."""
        self._bells.ring(message.decode(errors="replace"))

    def unsubscribed(self, bucket: int) -> None:
        """Subscribe where the bucket is now."""
        self._subscribed.discard(bucket)
        if bucket in self._waiting:
            self._subscribe(bucket)
            self._bells.ring_all()

    def subscribe_again(self) -> None:
        """Subscribe wherever somebody waits, and ring: wake-ups may have been lost."""
        self._subscribed.clear()
        for bucket in self._waiting:
            self._subscribe(bucket)
        self._bells.ring_all()

    def lost(self) -> None:
        """Know of no subscription any more."""
        self._subscribed.clear()

    def close(self) -> None:
        """Wake everybody to see that the store is closed."""
        self._subscribed.clear()
        self._bells.ring_all()

    def _subscribe(self, bucket: int) -> None:
        if bucket not in self._subscribed:
            self._subscribed.add(bucket)
            command = subscription(key(bucket, WAKING, self.process))
            self._errands.send(bucket, command, partial(self.unsubscribed, bucket))
