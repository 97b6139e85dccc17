"""What happens to the sessions of a namespace: scripts publish it, watchers subscribe to it.

A message is a letter and the id of a session, on the channel `hf:{bucket}:e:<namespace>`; of what
was not told of in its time there is no id.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from holdfast.backends.redis.damage import refused_by_server
from holdfast.backends.redis.errands import GRACE, Errands, leave_it, subscription, unsubscription
from holdfast.backends.redis.keys import EVENTS, key
from holdfast.backends.redis.link import Refused
from holdfast.errors import InvalidStore, StoreUnavailable
from holdfast.events import LOST, Event, Feed, Feeds, Kind, Reason

logger = logging.getLogger(__name__)

MEANINGS: Final[Mapping[bytes, tuple[Kind, Reason | None]]] = {
    b"c": ("created", None),
    b"u": ("changed", None),
    b"d": ("destroyed", "deleted"),
    b"x": ("destroyed", "expired"),
    b"l": ("lost", None),
}


class Events:
    """Those of this process who watch namespaces; all of a namespace share one subscription."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._feeds = Feeds()
        self._subscribed: set[str] = set()

    def __len__(self) -> int:
        return len(self._feeds)

    @asynccontextmanager
    async def watch(self, namespace: str) -> AsyncGenerator[Feed]:
        """Tell what happens in a namespace from the beginning of the block to its end.

        Raises:
            StoreUnavailable: nobody can be asked to tell.
            InvalidStore: the server refuses it.
        """
        try:
            with self._feeds.watch(namespace) as feed:
                if namespace not in self._subscribed:
                    await self._subscribe(namespace)
                yield feed
        finally:
            if not self._feeds.watched(namespace):
                self._unsubscribe(namespace)

    def told(self, namespace: str, message: bytes) -> None:
        """Pass on what a script has published."""
        meaning = MEANINGS.get(message[:1])
        if meaning is not None:
            kind, reason = meaning
            self._feeds.tell(namespace, Event(kind, message[1:].decode(errors="replace"), reason))

    def unsubscribed(self, namespace: str) -> None:
        """Subscribe where the bucket is now; messages may have been lost."""
        if namespace in self._subscribed:
            self._subscribed.discard(namespace)
            self._errands.start(self._subscribe_again(namespace))

    def subscribe_again(self) -> None:
        """Subscribe to whatever is watched: messages have been lost."""
        self._subscribed.clear()
        for namespace in self._feeds:
            self._errands.start(self._subscribe_again(namespace))

    def lost(self) -> None:
        """Tell watchers if the connection stays away."""
        self._subscribed.clear()
        if self._feeds:
            self._errands.later(self._tell_of_outage, GRACE)

    def close(self) -> None:
        """Let all watchers go."""
        self._subscribed.clear()
        self._feeds.end()

    def _tell_of_outage(self) -> None:
        for namespace in self._feeds:
            if namespace not in self._subscribed:
                self._feeds.tell(namespace, LOST)

    async def _subscribe(self, namespace: str) -> None:
        named = namespace.encode()
        channels = [(bucket, key(bucket, EVENTS, named)) for bucket in self._errands.buckets()]
        if not channels:
            raise StoreUnavailable("The session store is closed")
        asked = (self._errands.ask(bucket, subscription(channel)) for bucket, channel in channels)
        try:
            await asyncio.gather(*asked)
        except Refused as refused:
            self._errands.note(refused)
            raise refused_by_server(refused) from refused
        self._subscribed.add(namespace)

    async def _subscribe_again(self, namespace: str) -> None:
        """Subscribe, and then tell watchers to look anew: what comes after it is told."""
        try:
            await self._subscribe(namespace)
        except (StoreUnavailable, InvalidStore):
            self._errands.later(lambda: self._persist(namespace))
        else:
            self._feeds.tell(namespace, LOST)

    def _persist(self, namespace: str) -> None:
        if self._feeds.watched(namespace) and namespace not in self._subscribed:
            self._errands.start(self._subscribe_again(namespace))

    def _unsubscribe(self, namespace: str) -> None:
        self._subscribed.discard(namespace)
        for bucket in self._errands.buckets():
            channel = key(bucket, EVENTS, namespace.encode())
            self._errands.send(bucket, unsubscription(channel), leave_it)
