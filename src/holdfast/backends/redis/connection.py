"""One connection that all callers share: many commands under way, replies in their order."""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, NamedTuple, cast

from hiredis import ProtocolError, PushNotification, Reader

from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.refusals import FAULT, refusal_of
from holdfast.backends.redis.resp import PING
from holdfast.backends.redis.traffic import Traffic
from holdfast.errors import Certainty, StoreUnavailable

# Written together when so many are queued: the server works while the next ones are made.
BATCH: Final = 16
NOTHING: Final = object()
# The answer to it is taken off the wire and dropped.
NOBODYS: Final = Command(PING)
PRELUDE: Final = Command(b"")
# After so many pings' time without a byte the connection is given up.
SILENCES: Final = 3

Entry = tuple["asyncio.Future[Reply]", Command]


class Bounds(NamedTuple):
    """What a connection may hold, and how long it may be silent (in seconds)."""

    commands: int = 10_000
    size: int = 64 * 1024 * 1024
    ping_interval: float = 1.0


BOUNDS: Final = Bounds()


class Connection(asyncio.Protocol):
    """Sends commands and hands out replies; made by `loop.create_connection`.

    `on_push` is told of every push; when it raises the connection is given up. `on_lost` is told
    once that the connection is of no more use, and why.
    """

    def __init__(
        self,
        *,
        traffic: Traffic,
        on_push: Callable[[list[Any]], None],
        on_lost: Callable[["Connection", str], None],
        bounds: Bounds = BOUNDS,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._create_future = loop.create_future
        self._call_soon = loop.call_soon
        self._traffic = traffic
        self._on_push = on_push
        self._on_lost = on_lost
        self._bounds = bounds
        self._most, self._largest = bounds.commands, bounds.size
        self._reader = Reader(replyError=Refused, notEnoughData=NOTHING)
        self._gets = self._reader.gets
        self._outgoing: list[Entry] = []
        self._in_flight: deque[Entry] = deque()
        self._size = 0
        self._obstacle = ""
        self._paused = False
        self._scheduled = False
        self._silences = 0
        self._watchdog: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._drained: asyncio.Future[None] | None = None
        self._nobody = loop.create_future()
        self._nobody.cancel()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.last_received = monotonic()
        self.lost = False
        self.reason = ""
        self.served = False

    def __len__(self) -> int:
        return len(self._in_flight) + len(self._outgoing)

    # What callers use.

    def send(
        self, command: Command, future: "asyncio.Future[Reply] | None" = None
    ) -> "asyncio.Future[Reply]":
        """Queue a command; `future` ends with the answer (a new one if none is given).

        It is written at once when the server has nothing else to do, else at the end of the tick.

        Raises:
            StoreUnavailable: the connection is lost, or holds as much as it may.
        """
        if self._obstacle:
            raise self._turned_away()
        if future is None:
            future = self._create_future()
        outgoing = self._outgoing
        payload = command[0]
        self._size += len(payload)
        if not self._in_flight and not outgoing and not self._paused and not command[3]:
            # Alone: nothing to put together, and nothing that could have withdrawn it.
            self._in_flight.append((future, command))
            self._write(payload)
            if self._size >= self._largest:
                self._measure()
            return future
        outgoing.append((future, command))
        if len(outgoing) >= BATCH or not self._in_flight:
            self._flush()
        elif not self._scheduled:
            self._scheduled = True
            self._call_soon(self._flush_tick)
        return future

    def drop(self, reason: str) -> None:
        """Give the connection up at once: whatever was written has an unknown outcome."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    async def close(self, *, patience: float) -> None:
        """Take no more commands, wait for answers to those under way, and close."""
        try:
            if not self.lost:
                self._flush()
                self._obstacle = "The session store is closed"
                self._drained = self._create_future()
                if len(self):
                    await asyncio.wait((self._drained,), timeout=patience)
        finally:
            self.drop("The session store was closed before it answered")
        if self._transport is not None:
            await asyncio.shield(self.closed)

    def _turned_away(self) -> StoreUnavailable:
        self._traffic.turned_away += 1
        return StoreUnavailable(self._obstacle)

    # From the queue to the wire.

    def _flush_tick(self) -> None:
        self._scheduled = False
        if self._outgoing:
            self._flush()

    def _flush(self) -> None:
        if self._paused or self.lost:
            self._measure()
            return
        outgoing, self._outgoing = self._outgoing, []
        in_flight = self._in_flight
        parts: list[bytes] = []
        for entry in outgoing:
            future, (payload, _, _, prelude, preludes, _) = entry
            if future.done():
                self._size -= len(payload)
                continue
            if prelude:
                parts.append(prelude)
                in_flight.extend(((future, PRELUDE),) * preludes)
            parts.append(payload)
            in_flight.append(entry)
        if parts:
            self._write(parts[0] if len(parts) == 1 else b"".join(parts))
        if len(in_flight) >= self._most or self._size >= self._largest or self._obstacle:
            self._measure()

    def _write(self, data: bytes) -> None:
        self._traffic.sent_bytes += len(data)
        cast("asyncio.Transport", self._transport).write(data)

    def _measure(self) -> None:
        """Turn commands away while too many are under way."""
        if len(self) >= self._bounds.commands or self._size >= self._bounds.size:
            self._obstacle = self._obstacle or FULL
        elif self._obstacle is FULL:
            self._obstacle = ""

    # From the wire to the callers.

    def data_received(self, data: bytes) -> None:
        if self.lost:
            return
        self.last_received = monotonic()
        self._silences = 0
        self._traffic.received_bytes += len(data)
        try:
            self._reader.feed(data)
            self._hand_out()
        except ProtocolError:
            self.drop("The session store answered with what is no reply")
        except Exception:
            self.drop("The connection to the session store failed")
            raise
        if self._obstacle:
            self._measure()
            self._tell_drained()

    def _tell_drained(self) -> None:
        drained = self._drained
        if drained is not None and not len(self) and not drained.done():
            drained.set_result(None)

    def _hand_out(self) -> None:
        gets, in_flight = self._gets, self._in_flight
        while (reply := gets()) is not NOTHING:
            kind = reply.__class__
            if kind is PushNotification:
                self._pushed(reply)
                continue
            if not in_flight:
                return self._unasked(reply)
            entry = in_flight.popleft()
            future, (payload, nonce, _, _, _, _) = entry
            self._size -= len(payload)
            if kind is Refused:
                if not future.done():
                    future.set_exception(reply)
                continue
            if nonce and (kind is not list or not reply or reply.pop(0) != nonce):
                in_flight.appendleft(entry)
                return self._crossed()
            if entry[1] is PRELUDE:
                continue
            if not future.done():
                future.set_result(reply)
        self.served = True
        return None

    def _pushed(self, push: list[Any]) -> None:
        """Tell of a push; it may be the answer to the oldest command too."""
        self._on_push(push)
        if self._in_flight and _answers(push, self._in_flight[0][1]):
            future, command = self._in_flight.popleft()
            self._size -= len(command.payload)
            if not future.done():
                future.set_result(push)

    def _unasked(self, reply: Reply) -> None:
        """Give up: a server that has no connection left says so before it is asked anything."""
        refusal = refusal_of(reply) if isinstance(reply, Refused) else FAULT
        if refusal is FAULT:
            self._crossed()
        else:
            self.drop(refusal.reason)

    def _crossed(self) -> None:
        self._traffic.crossed_replies += 1
        self.drop("The session store gave an answer that belongs to another question")

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.lost:
            self._transport.abort()
            return
        self.last_received = monotonic()
        self._watch_again(self._bounds.ping_interval)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("The connection to the session store was lost")
        if not self.closed.done():
            self.closed.set_result(None)

    # Watching.

    def _watch(self) -> None:
        """Ping a silent server; give up one that stays silent.

        Looks are counted, not seconds: what came while this program was busy is read between two.
        """
        interval = self._bounds.ping_interval
        quiet = monotonic() - self.last_received
        if quiet < interval:
            self._watch_again(interval - quiet)
            return
        if not self._silences:
            self._ping()
        self._silences += 1
        if self._silences >= SILENCES:
            self.drop(f"The session store was silent for {interval * SILENCES:.3g} s")
            return
        self._watch_again(interval)

    def _ping(self) -> None:
        self._flush()
        if not self._paused:
            self._traffic.pings += 1
            self._in_flight.append((self._nobody, NOBODYS))
            self._size += len(PING)
            self._write(PING)

    def _watch_again(self, seconds: float) -> None:
        self._watchdog = self._loop.call_later(seconds, self._watch)

    # The end.

    def _end(self, reason: str) -> None:
        if self.lost:
            return
        self.lost = True
        self._obstacle = self.reason = reason
        if self._watchdog is not None:
            self._watchdog.cancel()
        outgoing, self._outgoing = self._outgoing, []
        in_flight, self._in_flight = self._in_flight, deque()
        self._size = 0
        _fail(in_flight, reason, "unknown")
        _fail(outgoing, reason, "not_applied")
        self._tell_drained()
        self._on_lost(self, reason)


FULL: Final = "Too many operations wait for the session store"


def _answers(push: list[Any], command: Command) -> bool:
    """Say whether a push is the server's answer to a subscription (to its first channel)."""
    if not command.subscribes:
        return False
    words = command.payload.split(b"\r\n", 5)
    return push[:2] == [words[2].lower(), words[4]]


def _fail(entries: "deque[Entry] | list[Entry]", reason: str, outcome: Certainty) -> None:
    for future, _ in entries:
        if not future.done():
            future.set_exception(StoreUnavailable(reason, outcome=outcome))
