"""Bells that Redis rings: it remembers what this process has looked at, and tells when it moves.

Who listens to a session looks at its keys once, tracked. The look goes over the connection that
everything else goes over, so whatever is sent afterwards comes after it. Redis tells of a move
once; each telling is answered by another look, as long as somebody listens. So whoever begins to
listen, or was rung, reads the session: what moves it after that reading rings.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Final

from holdfast.backends.redis.errands import GRACE, Errands
from holdfast.backends.redis.keys import DRAFT, LEASE, SESSION, key
from holdfast.backends.redis.link import Command
from holdfast.backends.redis.resp import encode
from holdfast.bells import Bell, Bells

TRACKED: Final = encode(b"CLIENT", b"CACHING", b"YES")


class Listening:
    """The listeners of this process."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._bells = Bells()
        self._tracked: set[str] = set()

    def __len__(self) -> int:
        return len(self._bells)

    @contextmanager
    def listen(self, name: str) -> Generator[Bell]:
        """Be rung when the session moves, as long as the block lasts."""
        try:
            with self._bells.listen(name) as bell:
                self._track(name)
                yield bell
        finally:
            if name not in self._bells:
                self._tracked.discard(name)

    def moved(self, name: str) -> None:
        """Look at the session again, and ring for it."""
        if name in self._bells:
            self._tracked.discard(name)
            self._track(name)
            self._bells.ring(name)

    def look_again(self) -> None:
        """Look at everything again, and ring for it: nobody told what moved meanwhile."""
        self._tracked.clear()
        for name in self._bells:
            self._track(name)
        self._bells.ring_all()

    def lost(self) -> None:
        """Ring everybody if the connection stays away: who asks then is told of the outage."""
        self._tracked.clear()
        if self._bells:
            self._errands.later(self._tell_of_outage, GRACE)

    def close(self) -> None:
        """Wake everybody to see that the store is closed."""
        self._tracked.clear()
        self._bells.ring_all()

    def _tell_of_outage(self) -> None:
        for name in self._bells:
            if name not in self._tracked:
                self._bells.ring(name)

    def _track(self, name: str) -> None:
        if name in self._tracked:
            return
        self._tracked.add(name)
        named = name.encode()
        bucket = self._errands.bucket_of(named)
        looked_at = [key(bucket, kind, named) for kind in (SESSION, LEASE, DRAFT)]
        look = encode(b"EXISTS", *looked_at)
        command = Command(look, prelude=TRACKED, preludes=1)
        self._errands.send(bucket, command, partial(self._failed, name))

    def _failed(self, name: str) -> None:
        self._tracked.discard(name)
        self.moved(name)
