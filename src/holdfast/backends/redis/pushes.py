"""What Redis says unasked, and to whom it goes: listeners, waiters, watchers, the near cache."""

from typing import Any, Final

from holdfast.backends.redis.errands import Errands
from holdfast.backends.redis.events import Events
from holdfast.backends.redis.keys import EVENTS, SESSION, WAKING
from holdfast.backends.redis.link import Link
from holdfast.backends.redis.listening import Listening
from holdfast.backends.redis.nearby import Cache, Nearby
from holdfast.backends.redis.waking import Waking

INVALIDATE: Final = b"invalidate"
MESSAGE: Final = b"smessage"
UNSUBSCRIBED: Final = b"sunsubscribe"


class Pushes:
    """The hearing of a backend's link; `process` names this process in lines for leases."""

    def __init__(self, *, process: bytes) -> None:
        self.errands = Errands()
        self.listening = Listening(self.errands)
        self.waking = Waking(self.errands, process=process)
        self.events = Events(self.errands)
        self._nearby: Nearby | None = None

    def keep_honest(self, cache: Cache, *, namespace: str, ping_interval: float) -> None:
        """Tell a near cache of a namespace what it has to know; to be called before `begin`."""
        self._nearby = Nearby(self.errands, cache, namespace=namespace, interval=ping_interval)

    def begin(self, link: Link) -> None:
        """Speak through this link from now on."""
        self.errands.begin(link)
        self.connected()
        if self._nearby is not None:
            self._nearby.begin()

    async def aclose(self) -> None:
        """Wake everybody, and forget what was heard."""
        try:
            await self.errands.aclose()
        finally:
            self.listening.close()
            self.waking.close()
            self.events.close()
            if self._nearby is not None:
                self._nearby.close()

    def pushed(self, kind: bytes, message: list[Any]) -> None:
        """Take a push, before the answers that come after it."""
        if kind == INVALIDATE:
            self._invalidated(message[1])
        elif kind == MESSAGE:
            self._told(message[1], message[2])
        elif kind == UNSUBSCRIBED:
            self._unsubscribed(message[1])

    def connected(self) -> None:
        """Begin anew: nobody told what happened in between."""
        if self._nearby is not None:
            self._nearby.connected()
        self.listening.look_again()
        self.waking.subscribe_again()
        self.events.subscribe_again()

    def moved(self) -> None:
        """Begin anew on the nodes that have the buckets now."""
        self.connected()

    def lost(self) -> None:
        """Keep nothing that nobody will be told of."""
        self._flush()
        self.listening.lost()
        self.waking.lost()
        self.events.lost()

    def _invalidated(self, keys: list[bytes] | None) -> None:
        if keys is None:
            self._flush()
            self.listening.look_again()
            return
        for moved in keys:
            _, _, kind, named = moved.split(b":", 3)
            name = named.decode()
            if self._nearby is not None and kind == SESSION:
                self._nearby.moved(name)
            self.listening.moved(name)

    def _told(self, channel: bytes, message: bytes) -> None:
        _, _, kind, name = channel.split(b":", 3)
        if kind == WAKING:
            self.waking.woken(message)
        elif kind == EVENTS:
            self.events.told(name.decode(), message)

    def _unsubscribed(self, channel: bytes) -> None:
        _, bucket, kind, name = channel.split(b":", 3)
        if kind == WAKING:
            self.waking.unsubscribed(int(bucket[1:-1]))
        elif kind == EVENTS:
            self.events.unsubscribed(name.decode())

    def _flush(self) -> None:
        if self._nearby is not None:
            self._nearby.flush()
