"""A proxy between clients and a server, on which things can go wrong while it runs.

It knows nothing of what is spoken: it delays, holds up, cuts off and swallows bytes.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Final, Self

from holdfast.verification.relaying import Address, Relay, Trick, Way, Weather, connect

BOTH_WAYS: Final[frozenset[Way]] = frozenset({"requests", "answers"})
HOST: Final = "127.0.0.1"


class Proxy:
    """Listens on a port of its own on the loopback interface, or on a Unix socket at `path`.

    What it counts: `connections`, `swallowed`, and each other fault by its name.
    """

    def __init__(self, server: Address, *, path: Path | None = None, seed: object = 0) -> None:
        self._server = server
        self.path = path
        self._weather = Weather(random.Random(f"{seed}"))
        self._suffered: list[Weather] = []
        self._relays: set[Relay] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._ending = AsyncExitStack()
        self._every = self._seen = self._times = 0
        self._marker = b""
        self.port = 0
        self.counts = Counter[str]()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self.path is None:
            listening = await loop.create_server(self._accept, HOST, 0)
            self.port = int(listening.sockets[0].getsockname()[1])
        else:
            listening = await loop.create_unix_server(self._accept, str(self.path))
        self._ending.callback(listening.close)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._ending.aclose()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for relay in tuple(self._relays):
            relay.cut()
        await self._deserted.wait()

    def _accept(self) -> asyncio.Protocol:
        relay = Relay(self._weather, on_request=self._count, on_end=self._forget)
        self._relays.add(relay)
        self._deserted.clear()
        self.counts["connections"] += 1
        task = asyncio.ensure_future(self._connect(relay))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return relay.client

    async def _connect(self, relay: Relay) -> None:
        try:
            await connect(lambda: relay.server, self._server)
        except OSError:
            relay.cut()

    def _forget(self, relay: Relay) -> None:
        self._relays.discard(relay)
        if not self._relays:
            self._deserted.set()

    def _count(self, relay: Relay, data: bytes) -> None:
        """Swallow the answers to every so many requests with a marker in them."""
        if not self._every:
            return
        before, self._seen = self._seen, self._seen + data.count(self._marker)
        if before // self._every < self._seen // self._every:
            self.counts["swallowed"] += 1
            self._times -= 1
            if not self._times:
                self._every = 0
            relay.swallow()

    # What can be done to it

    def cut(self, *, reset: bool = True) -> bool:
        """End every connection, with a reset or an end; False when there is none."""
        self.counts["cut"] += 1
        relays = tuple(self._relays)
        for relay in relays:
            relay.cut(reset=reset)
        return bool(relays)

    def trick(self, trick: Trick) -> bool:
        """Let the next answer of every connection be half an answer, garbage, or swallowed.

        False when there is none.
        """
        self.counts[trick] += 1
        for relay in self._relays:
            relay.arm(trick)
        return bool(self._relays)

    def swallow_every(self, count: int, marker: bytes, *, times: int) -> None:
        """Swallow the answer to every so many requests with the marker, so many times."""
        self._every, self._marker, self._times, self._seen = count, marker, times, 0

    @contextmanager
    def delayed(self, seconds: float, *, jitter: float = 0.0) -> Generator[None]:
        """Let everything take longer for a while."""
        with self._suffering("delay", Weather(delay=seconds, jitter=jitter)):
            yield

    @contextmanager
    def frozen(self, ways: frozenset[Way] = BOTH_WAYS) -> Generator[None]:
        """Let nothing through for a while, on one way or both; nothing is lost."""
        with self._suffering("freeze", Weather(frozen=ways)):
            yield

    @contextmanager
    def trickling(self, seconds: float = 0.01) -> Generator[None]:
        """Let answers through byte by byte for a while, so many seconds apart."""
        with self._suffering("trickle", Weather(trickle=seconds)):
            yield

    @contextmanager
    def _suffering(self, name: str, weather: Weather) -> Generator[None]:
        """Change the weather for a while; what else is suffered meanwhile goes on."""
        self.counts[name] += 1
        self._suffered.append(weather)
        self._hasten()
        try:
            yield
        finally:
            self._suffered = [other for other in self._suffered if other is not weather]
            self._hasten()

    def _hasten(self) -> None:
        self._weather.become(self._suffered)
        for relay in tuple(self._relays):
            relay.hasten()
