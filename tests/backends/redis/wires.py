"""What the tests of the wire share: commands to ask, and a proxy that changes answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha1
from itertools import count
from typing import Any

from holdfast.backends.redis.link import Command, Link, Refused
from holdfast.backends.redis.location import Address, Location, parse
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.scripts import Script
from tests.redis_servers import HOST, RedisServer

ECHO_SOURCE = b"#!lua flags=no-writes\n-- Give back what comes.\nreturn {ARGV[1], ARGV[2]}"
ECHO = Script("echo", ECHO_SOURCE, sha1(ECHO_SOURCE).hexdigest().encode())
NONCES = count(1)


def simple(*words: bytes) -> Command:
    """Make a command without a nonce."""
    return Command(encode(*words))


def echo(text: bytes) -> Command:
    """Make a call of the script that gives back what it is given."""
    nonce = b"%08d" % next(NONCES)
    return Command(encode(b"EVALSHA", ECHO.digest, b"0", nonce, text), nonce, ECHO)


async def ask(link: Link, command: Command) -> Any:
    """Send a command as backends do."""
    try:
        return await link.send(0, command)
    except Refused as refused:
        failure = refused
    return await link.recover(0, command, failure)


def location_of(server: RedisServer | int, **settings: Any) -> Location:
    """Say where a server is, with some of the settings changed."""
    url = f"redis://{HOST}:{server}" if isinstance(server, int) else server.url()
    location = parse(url)
    return replace(location, settings=replace(location.settings, **settings))


def address_of(server: RedisServer) -> Address:
    return Address(HOST, server.port)


class Between:
    """A proxy before a server; `change` gives what becomes of each chunk of answers.

    With `cuts` the connection ends after the next chunk.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.change: Callable[[bytes], bytes] = bytes
        self.cuts = False
        self.port = 0
        self.accepted: list[float] = []

    def _changed(self, data: bytes) -> bytes:
        return self.change(data)

    def _cuts(self) -> bool:
        return self.cuts

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.append(time.monotonic())
        there, here = await asyncio.open_connection(HOST, self._server.port)
        onwards = asyncio.create_task(_pass_on(reader, here))
        try:
            await _pass_on(there, writer, self._changed, self._cuts)
        finally:
            onwards.cancel()
            for end in (writer, here):
                end.transport.abort()


async def _pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    change: Callable[[bytes], bytes] = bytes,
    cuts: Callable[[], bool] = bool,
) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(change(data))
            await writer.drain()
            if cuts():
                return
    except ConnectionError:
        pass


@asynccontextmanager
async def between(server: RedisServer) -> AsyncIterator[Between]:
    """Listen on a port of its own, and leave nothing behind."""
    proxy = Between(server)
    handlers: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.accept(reader, writer))
        handlers.add(task)
        task.add_done_callback(handlers.discard)

    listening = await asyncio.start_server(accept, HOST, 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        for task in tuple(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
