"""A server at an address: one connection, opened again when it is lost."""

import asyncio
import logging
import os
import random
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from holdfast.backends.redis.connection import Bounds, Connection, Entry
from holdfast.backends.redis.greeting import Greeting, greet
from holdfast.backends.redis.hearing import Deaf, Hearing
from holdfast.backends.redis.link import Command, Reply
from holdfast.backends.redis.location import Address, Settings
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.scripts import Script
from holdfast.backends.redis.traffic import Traffic
from holdfast.errors import InvalidStore, StoreUnavailable

logger = logging.getLogger(__name__)

# Attempts to connect begin at least so far apart; pauses grow from here, doubled each time.
FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 1.0
CLOSING_PATIENCE: Final = 0.5
DEAF: Final[Hearing] = Deaf()


class Node:
    """Keeps a connection to a server.

    While the first attempt after a loss goes on, commands wait for it, but not for long; during the
    pauses and attempts that follow they are refused at once (`StoreUnavailable`, not applied).
    """

    def __init__(
        self,
        address: Address,
        settings: Settings,
        *,
        hearing: Hearing = DEAF,
        on_lost: Callable[["Node", str], None] | None = None,
        check: Callable[[Greeting], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.address = address
        self.name = str(address)
        self.greeting: Greeting | None = None
        self.traffic = Traffic()
        self._settings = settings
        self._hearing = hearing
        self._tell_lost = on_lost
        self._check = check
        self._jitter = jitter
        self._connection: Connection | None = None
        self._waiting: list[Entry] = []
        self._opening: asyncio.Task[None] | None = None
        self._patient = True
        self._closed = False
        self._failure = ""
        self._attempted = 0.0
        self._attempts = 0
        self._loads: dict[bytes, asyncio.Future[Reply]] = {}

    @property
    def connected(self) -> bool:
        """Whether commands go out at once."""
        return self._connection is not None

    @property
    def last_heard(self) -> float:
        """When anything came from the server, in seconds of the loop; 0 while not connected."""
        return self._connection.last_received if self._connection is not None else 0.0

    def statistics(self) -> Mapping[str, int]:
        """Count connections, bytes, and commands under way."""
        under_way = len(self._connection or ()) + len(self._waiting)
        return {**self.traffic.statistics(), "in_flight": under_way}

    # Commands.

    def send(self, command: Command) -> "asyncio.Future[Reply]":
        """Queue a command.

        Raises:
            StoreUnavailable: there is no connection, or it holds as much as it may.
        """
        connection = self._connection
        if connection is not None:
            return connection.send(command)
        return self._wait(command)

    async def load(self, script: Script) -> None:
        """Bring a script to the server; callers that ask at the same time share one load."""
        load = self._loads.get(script.digest)
        if load is None:
            load = self.send(Command(encode(b"SCRIPT", b"LOAD", script.source)))
            self._loads[script.digest] = load
            # Later than whoever was refused before the script was there, and asks only now.
            load.add_done_callback(lambda _: self._loads.pop(script.digest, None))
        await asyncio.shield(load)

    def _wait(self, command: Command) -> "asyncio.Future[Reply]":
        if self._closed:
            raise StoreUnavailable("The session store is closed")
        if self._opening is None:
            self._start()
        if not self._patient or len(self._waiting) >= self._settings.most_commands:
            raise StoreUnavailable(self._failure or "The session store is not connected")
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((future, command))
        return future

    # Opening and closing.

    async def open(self) -> None:
        """Connect now.

        Raises:
            InvalidStore: the server is none that can be used.
            StoreUnavailable: it does not answer.
        """
        connection = await self._connect()
        if self._closed:
            await connection.close(patience=0.0)
            raise StoreUnavailable("The session store is closed")
        self._serve(connection)

    def begin(self) -> None:
        """Connect soon; commands that are sent meanwhile wait for it."""
        if self._connection is None and self._opening is None and not self._closed:
            self._start()

    async def close(self) -> None:
        """Give commands under way a moment to be answered, then leave nothing behind."""
        self._closed = True
        try:
            if self._opening is not None:
                self._opening.cancel()
                await asyncio.wait((self._opening,))
        finally:
            self._refuse_waiting("The session store is closed")
            if self._connection is not None:
                await self._connection.close(patience=CLOSING_PATIENCE)

    def drop(self, reason: str) -> None:
        """Give the connection up, and open another one."""
        if self._connection is not None:
            self._connection.drop(reason)

    def _start(self) -> None:
        self._patient = not self._attempts
        self._opening = asyncio.create_task(self._reopen(), name=f"holdfast-redis-{self.address}")

    async def _reopen(self) -> None:
        """Try until there is a connection: at once, then in longer and longer random pauses."""
        loop = asyncio.get_running_loop()
        reason = f"The session store at {self.address} is not reached yet"
        patience = loop.call_later(self._settings.patience, self._postpone, reason)
        try:
            while (connection := await self._attempt()) is None:
                pass
        finally:
            patience.cancel()
        self._opening = None
        self._serve(connection)

    async def _attempt(self) -> Connection | None:
        await asyncio.sleep(self._pause())
        try:
            return await self._connect()
        except StoreUnavailable as exc:
            self._postpone(exc.reason)
        except InvalidStore as exc:
            self._postpone(f"The session store cannot be used: {exc.reason}")
        except Exception:
            logger.exception("redis.connecting_failed")
            self._postpone("The session store cannot be used")
        return None

    def _postpone(self, reason: str) -> None:
        """Let nobody wait any longer for the next attempts."""
        self._failure = reason
        self._patient = False
        self._refuse_waiting(reason)

    def _pause(self) -> float:
        """Say how long to wait: a connection that served anybody earns an immediate attempt."""
        apart = max(0.0, self._attempted + FIRST_PAUSE - monotonic())
        if not self._attempts:
            return apart
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._attempts, 20))
        return max(apart, self._jitter() * longest)

    async def _connect(self) -> Connection:
        self._attempted = monotonic()
        self._attempts += 1
        connection = self._made()
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self._dial(connection)
                greeting = await greet(connection, self._settings, f"Redis at {self.address}")
            if self._check is not None:
                self._check(greeting)
            if connection.lost:
                raise StoreUnavailable(connection.reason)
        except BaseException as exc:
            await connection.close(patience=0.0)
            if isinstance(exc, OSError | StoreUnavailable):
                raise self._unreachable(exc) from exc
            raise
        self.greeting = greeting
        return connection

    def _unreachable(self, error: OSError | StoreUnavailable) -> StoreUnavailable:
        match error:
            case StoreUnavailable():
                return StoreUnavailable(error.reason)
            case TimeoutError():
                why = "no answer in time"
            case ConnectionError(errno=int(number)):
                why = os.strerror(number)
            case _:
                why = error.strerror or str(error)
        return StoreUnavailable(f"The session store at {self.address} cannot be reached: {why}")

    def _made(self) -> Connection:
        bounds = Bounds(
            self._settings.most_commands, self._settings.most_bytes, self._settings.ping_interval
        )
        return Connection(
            traffic=self.traffic, on_push=self._pushed, on_lost=self._lost, bounds=bounds
        )

    async def _dial(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        host, port = self.address
        if port:
            tls = self._settings.tls
            await loop.create_connection(lambda: connection, host, port, ssl=tls)
        else:
            await loop.create_unix_connection(lambda: connection, host)

    def _serve(self, connection: Connection) -> None:
        """Take a connection into use: the hearing's commands first, then those that waited."""
        self.traffic.connects += 1
        connection.served = False
        self._connection = connection
        try:
            self._hearing.connected()
        finally:
            self._send_waiting(connection)

    def _send_waiting(self, connection: Connection) -> None:
        waiting, self._waiting = self._waiting, []
        for future, command in waiting:
            if future.done():
                continue
            try:
                connection.send(command, future)
            except StoreUnavailable as exc:
                future.set_exception(exc)

    def _refuse_waiting(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, []
        for future, _ in waiting:
            if not future.done():
                future.set_exception(StoreUnavailable(reason))

    # What the connection tells.

    def _pushed(self, push: list[Any]) -> None:
        self._hearing.pushed(push[0], push)

    def _lost(self, connection: Connection, reason: str) -> None:
        if connection is not self._connection:
            return
        self._connection = None
        self._failure = reason
        self._loads.clear()
        self.traffic.lost += 1
        if connection.served:
            self._attempts = 0
        if not self._closed:
            self._start()
        self._hearing.lost()
        if self._tell_lost is not None:
            self._tell_lost(self, reason)
