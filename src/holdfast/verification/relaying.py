"""One connection through a proxy: two sockets, a lane each way, and what may be done to it."""

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

# A host and a port, or the path of a Unix socket.
Address: TypeAlias = tuple[str, int] | Path
Way: TypeAlias = Literal["requests", "answers"]
Trick: TypeAlias = Literal["half", "swallow", "garbage"]

# Closing a socket that lingers for no time resets the connection.
RESET: Final = struct.pack("ii", 1, 0)
# How long a server may take to work off what it was sent before its answers are not awaited.
LONGEST_SWALLOWING: Final = 5.0
GARBAGE: Final = 64


@dataclass
class Weather:
    """What all connections of a proxy suffer now.

    Seconds of `delay` and up to `jitter` more, ways on which nothing moves, and in `trickle` the
    seconds between one byte of an answer and the next.
    """

    dice: random.Random = field(default_factory=random.Random)
    delay: float = 0.0
    jitter: float = 0.0
    frozen: frozenset[Way] = frozenset()
    trickle: float = 0.0

    def become(self, all_at_once: Collection["Weather"]) -> None:
        """Suffer all of these, of each kind the worst."""
        self.delay = max((one.delay for one in all_at_once), default=0.0)
        self.jitter = max((one.jitter for one in all_at_once), default=0.0)
        self.frozen = frozenset[Way]().union(*(one.frozen for one in all_at_once))
        self.trickle = max((one.trickle for one in all_at_once), default=0.0)

    @property
    def calm(self) -> bool:
        """Say whether bytes go on as they come."""
        return not (self.delay or self.jitter or self.frozen or self.trickle)


class Relay:
    """One connection: what comes from the client, and what the server answers.

    Of a connection that was swallowed the server has done all that it was sent, and the client
    hears of none of it: the server is told that the client has gone, which it learns after
    everything else, and the client is cut off when the server has hung up.
    """

    def __init__(
        self,
        weather: Weather,
        *,
        on_request: Callable[["Relay", bytes], None],
        on_end: Callable[["Relay"], None],
    ) -> None:
        self._weather = weather
        self._on_request = on_request
        self._on_end = on_end
        self.client = End(self, "requests")
        self.server = End(self, "answers")
        self._lanes = {
            "requests": Lane(weather, "requests", self.server),
            "answers": Lane(weather, "answers", self.client),
        }
        self._armed: Trick | None = None
        self._deaf = False
        self.over = False
        self._giving_up: asyncio.TimerHandle | None = None

    def arm(self, trick: Trick) -> None:
        """Play a trick on the next bytes: of the request for `swallow`, else of the answer."""
        self._armed = trick

    def passing(self, way: Way, data: bytes) -> None:
        """Send on what has come, unless something is done to it."""
        if way == "answers":
            if not self._deaf:
                self._answered(data)
            return
        self._lanes["requests"].push(data)
        self._on_request(self, data)
        if self._armed == "swallow":
            self.swallow()

    def _answered(self, data: bytes) -> None:
        match self._armed:
            case "half":
                self._lanes["answers"].push(data[: len(data) // 2])
                self.cut(reset=self._weather.dice.random() < 0.5)
            case "garbage":
                # Bytes that no answer begins with; nothing else follows them.
                self._deaf, self._armed = True, None
                self._lanes["answers"].push(
                    bytes(self._weather.dice.choices(range(128, 256), k=GARBAGE))
                )
            case _:
                self._lanes["answers"].push(data)

    def swallow(self) -> None:
        """Let the server do what it was sent, and cut the client off without an answer."""
        if self._deaf:
            return
        self._deaf, self._armed = True, None
        self._lanes["requests"].end()
        loop = asyncio.get_running_loop()
        self._giving_up = loop.call_later(LONGEST_SWALLOWING, self.cut)

    def ended(self, way: Way) -> None:
        """Hear that one side says nothing more: the other is told after what came before."""
        if way == "answers" and self._deaf:
            self.cut()
        else:
            self._lanes[way].end()

    def finished(self) -> None:
        """Close the connection once both sides have been told that nothing more comes."""
        if self.client.finished and self.server.finished:
            self.cut(reset=False)

    def lost(self) -> None:
        """Hear that one side is gone: the other one hears it too."""
        self.over = True
        if self._giving_up is not None:
            self._giving_up.cancel()
        for end in (self.client, self.server):
            end.close()
        if not (self.client.open or self.server.open):
            self._on_end(self)

    def cut(self, *, reset: bool = True) -> None:
        """End the connection at both sides at once; without `reset` the client gets an end."""
        self.over = True
        for end in (self.client, self.server):
            end.close(reset=reset)

    def hasten(self) -> None:
        """Send on what has waited for better weather."""
        for lane in self._lanes.values():
            lane.go_on()


class Lane:
    """Bytes on their way to one end: each part leaves at its time, in order."""

    def __init__(self, weather: Weather, way: Way, end: "End") -> None:
        self._weather = weather
        self._way = way
        self._end = end
        self._parts: deque[tuple[float, bytes]] = deque()
        self._ended = False
        self._latest = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def push(self, data: bytes) -> None:
        """Take bytes to be sent; after the end nothing is."""
        if self._ended:
            return
        if self._weather.calm and not self._parts and self._end.open:
            self._end.write(data)
            return
        for part in self._split(data):
            self._parts.append((self._leaves(), part))
        self.go_on()

    def end(self) -> None:
        """Take the end, which comes after all bytes."""
        self._ended = True
        self.go_on()

    def _split(self, data: bytes) -> list[bytes]:
        if not self._weather.trickle or self._way == "requests":
            return [data]
        return [data[place : place + 1] for place in range(len(data))]

    def _leaves(self) -> float:
        weather, now = self._weather, asyncio.get_running_loop().time()
        moment = now + weather.delay + weather.jitter * weather.dice.random()
        self._latest = max(moment, self._latest + weather.trickle)
        return self._latest

    def go_on(self) -> None:
        """Send what is due, or all of it in calm weather."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._way in self._weather.frozen or not self._end.open:
            return
        loop = asyncio.get_running_loop()
        now = float("inf") if self._weather.calm else loop.time()
        while self._parts and self._parts[0][0] <= now:
            self._end.write(self._parts.popleft()[1])
        if self._parts:
            self._timer = loop.call_at(self._parts[0][0], self.go_on)
        elif self._ended:
            self._end.finish()


async def connect(
    protocol: Callable[[], asyncio.Protocol], address: Address, *, leave: bool = False
) -> None:
    """Connect to a server, and `leave` at once if wished.

    Raises:
        OSError: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    if isinstance(address, Path):
        transport, _ = await loop.create_unix_connection(protocol, str(address))
    else:
        transport, _ = await loop.create_connection(protocol, *address)
    if leave:
        transport.abort()


class End(asyncio.Protocol):
    """One of the two sockets: what it receives goes one way, `open` says that it can be sent to."""

    def __init__(self, relay: Relay, way: Way) -> None:
        self._relay = relay
        self._way: Way = way
        self._transport: asyncio.Transport | None = None
        self.open = self.finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Go on with what has waited for the connection."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a proxy stands between streams")
        self._transport, self.open = transport, True
        if self._relay.over:
            self.close(reset=True)
        else:
            self._relay.hasten()

    def data_received(self, data: bytes) -> None:
        """Hand bytes over."""
        self._relay.passing(self._way, data)

    def eof_received(self) -> bool:
        """Keep the connection open for what goes the other way."""
        self._relay.ended(self._way)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the other side."""
        self.open = False
        self._relay.lost()

    def pause_writing(self) -> None:
        """Take no more from the other side than this one can send."""
        self._other.pause_reading()

    def resume_writing(self) -> None:
        """Take more."""
        self._other.resume_reading()

    @property
    def _other(self) -> "End":
        return self._relay.server if self is self._relay.client else self._relay.client

    def pause_reading(self) -> None:
        """Stop receiving."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Receive again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if self._transport is not None:
            self._transport.write(data)

    def finish(self) -> None:
        """Say that nothing more comes."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
            self.finished = True
            self._relay.finished()

    def close(self, *, reset: bool = False) -> None:
        """Close the socket, or reset the connection; what was written is sent before an end."""
        if self._transport is None or self._transport.is_closing():
            return
        if not reset:
            self._transport.close()
            return
        connection = self._transport.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._transport.abort()
