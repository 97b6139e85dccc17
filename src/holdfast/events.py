"""What happens to the sessions of a namespace, told to whoever watches it."""

import asyncio
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple, Self

Kind = Literal["created", "changed", "destroyed", "lost"]
Reason = Literal["deleted", "expired", "evicted", "revoked"]

# How many events wait for one watcher before it is told that it has missed some.
WAITING: Final = 1024


class Event(NamedTuple):
    """One session was created, changed (state or log) or destroyed, for a reason.

    `lost` names no session: something may have been missed, so begin with a new look.
    """

    kind: Kind
    session_id: str = ""
    reason: Reason | None = None


LOST: Final = Event("lost")


class Feed:
    """The events of one watcher, in order; `async for` ends when the backend closes.

    A session that has changed several times since the watcher last looked is told of once.
    """

    def __init__(self, *, limit: int = WAITING) -> None:
        self._limit = limit
        self._waiting: deque[Event] = deque()
        self._changed: set[str] = set()
        self._rung = asyncio.Event()
        self._ended = False

    def tell(self, event: Event) -> None:
        """Have the watcher told of an event; of too many, that some were lost."""
        if event.kind == "changed":
            if event.session_id in self._changed:
                return
            self._changed.add(event.session_id)
        else:
            self._changed.discard(event.session_id)
        if event.kind == "lost" or len(self._waiting) >= self._limit:
            self._waiting.clear()
            self._changed.clear()
            event = LOST
        self._waiting.append(event)
        self._rung.set()

    def end(self) -> None:
        """Let the watcher go once it has been told of everything."""
        self._ended = True
        self._rung.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._rung.clear()
            await self._rung.wait()
        event = self._waiting.popleft()
        self._changed.discard(event.session_id)
        return event


class Feeds:
    """The watchers of one backend in this process, by namespace."""

    def __init__(self) -> None:
        self._feeds: dict[str, set[Feed]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._feeds.values()))

    def __bool__(self) -> bool:
        return bool(self._feeds)

    @contextmanager
    def watch(self, namespace: str) -> Generator[Feed]:
        """Tell a new watcher what happens in a namespace while the block lasts."""
        feed = Feed()
        self._feeds.setdefault(namespace, set()).add(feed)
        try:
            yield feed
        finally:
            feeds = self._feeds[namespace]
            feeds.discard(feed)
            if not feeds:
                del self._feeds[namespace]

    def __iter__(self) -> Iterator[str]:
        """Give the namespaces that are watched."""
        return iter(tuple(self._feeds))

    def watched(self, namespace: str) -> bool:
        """Say whether anybody watches a namespace."""
        return namespace in self._feeds

    def tell(self, namespace: str, event: Event) -> None:
        """Tell all watchers of a namespace."""
        for feed in self._feeds.get(namespace, ()):
            feed.tell(event)

    def lose(self) -> None:
        """Tell all watchers that something may have been missed."""
        for namespace in self._feeds:
            self.tell(namespace, LOST)

    def end(self) -> None:
        """Let all watchers go."""
        for feeds in self._feeds.values():
            for feed in feeds:
                feed.end()
