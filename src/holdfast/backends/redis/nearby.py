"""Keeping a near cache honest: what moved, how long Redis would have been heard, what time it is.

An invalidation comes in order with the answers, so a fill never overtakes it. A connection that is
lost takes all its promises with it. One that is silent keeps them for `SILENCE` pings: by then it
would have been heard of, or is given up. A node of a cluster may have lost a slot without a word to
whoever asks for nothing; so it is asked for a key of each bucket in turn.
"""

import asyncio
from time import monotonic
from typing import Final, Protocol

from holdfast.backends.redis.errands import Errands, leave_it
from holdfast.backends.redis.keys import SESSION, key
from holdfast.backends.redis.link import Command, Refused
from holdfast.backends.redis.resp import encode
from holdfast.clock import MICROSECONDS
from holdfast.errors import StoreUnavailable

TIME: Final = Command(encode(b"TIME"))
# How many ping intervals what is kept is good for after the last word of a node.
SILENCE: Final = 3
# How often the clocks are compared, in seconds.
COMPARED: Final = 30.0
# How many buckets are asked for at a time.
ASKED: Final = 32


class Cache(Protocol):
    """What is told; see `holdfast.near_cache.NearCache`."""

    def forget(self, session_id: str) -> None:
        """Forget a session that has moved."""
        ...

    def flush(self) -> None:
        """Forget everything."""
        ...

    def alive_until(self, monotonic: float) -> None:
        """Answer until then."""
        ...

    def store_time(self, microseconds: int, *, sent_at: float) -> None:
        """Learn what the store's clock showed."""
        ...


class Nearby:
    """Tells the near cache of a namespace what it has to know."""

    def __init__(self, errands: Errands, cache: Cache, *, namespace: str, interval: float) -> None:
        self._errands = errands
        self._cache = cache
        self._prefix = f"{namespace}/"
        self._interval = interval
        self._compared = 0.0
        self._asked = 0

    def moved(self, name: str) -> None:
        """Forget a session that has moved."""
        if name.startswith(self._prefix):
            self._cache.forget(name[len(self._prefix) :])

    def flush(self) -> None:
        """Forget everything: nobody can say what has moved."""
        self._cache.flush()

    def begin(self) -> None:
        """Watch the nodes until all is closed: twice an interval, for all are heard once."""
        self._look()
        self._ask_in_turn()
        self._errands.later(self.begin, self._interval / 2)

    def connected(self) -> None:
        """Begin anew: nothing that was kept is promised by the new connection."""
        self._cache.flush()
        self._compared = 0.0
        self._look()

    def close(self) -> None:
        """Answer nothing any more."""
        self._cache.alive_until(0.0)
        self._cache.flush()

    def _look(self) -> None:
        """Say until when all nodes would be heard; those that are away have promised nothing."""
        heard = [at for at in self._errands.last_heard() if at]
        if not heard:
            self._cache.alive_until(0.0)
            return
        self._cache.alive_until(min(heard) + SILENCE * self._interval)
        if monotonic() - self._compared > COMPARED:
            self._compared = monotonic()
            self._errands.start(self._compare())

    def _ask_in_turn(self) -> None:
        """Ask for a key of some buckets: a node that has lost their slot says so."""
        buckets = self._errands.buckets()
        if len(buckets) > 1:
            for place in range(self._asked, self._asked + ASKED):
                bucket = buckets[place % len(buckets)]
                question = Command(encode(b"EXISTS", key(bucket, SESSION, b"~near")))
                self._errands.send(bucket, question, leave_it)
            self._asked += ASKED

    async def _compare(self) -> None:
        """Ask all nodes for the time; the one that is furthest ahead counts."""
        sent = monotonic()
        asked = [self._errands.ask(bucket, TIME) for bucket in self._errands.buckets()]
        try:
            times = await asyncio.gather(*asked)
        except StoreUnavailable:
            self._compared = 0.0
            return
        except Refused as refused:
            # Without the time nothing is answered from near; it is asked for again in its turn.
            self._errands.note(refused)
            return
        latest = max((int(seconds), int(more)) for seconds, more in times)
        self._cache.store_time(latest[0] * MICROSECONDS + latest[1], sent_at=sent)
