"""The proxy lets bytes through as they are, and breaks what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from holdfast.verification.proxy import Proxy
from tests.redis_servers import HOST, RedisServer

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that sends back what it is sent, and keeps it."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.ends = asyncio.Queue[bytes]()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.heard += data
            writer.write(data)
        writer.close()
        self.ends.put_nowait(bytes(self.heard))


@asynccontextmanager
async def echoing() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, HOST, 0)
    echo.port = server.sockets[0].getsockname()[1]
    async with server:
        yield echo


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with echoing() as server:
        yield server


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    async with Proxy((HOST, echo.port)) as between:
        yield between


async def said_back(streams: Streams, data: bytes) -> bytes:
    reader, writer = streams
    writer.write(data)
    return await reader.readexactly(len(data))


async def test_bytes_pass_in_both_directions_unchanged(proxy: Proxy) -> None:
    """Many megabytes of them, more than any buffer holds, on several connections at once."""
    data = bytes(range(256)) * 20_000
    async with connected(proxy) as one, connected(proxy) as other:
        answers = await asyncio.gather(said_back(one, data), said_back(other, data[::-1]))
    assert answers[0] == answers[1][::-1] == data
    assert proxy.counts["connections"] == 2


async def test_the_end_of_a_client_reaches_the_server_after_its_bytes(
    proxy: Proxy, echo: Echo
) -> None:
    """And what the server still answers reaches the client."""
    async with connected(proxy) as (reader, writer):
        writer.write(b"last words")
        writer.write_eof()
        assert await reader.read() == b"last words"
    assert await echo.ends.get() == b"last words"


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    """As soon as it is known."""
    async with echoing() as gone:
        port = gone.port
    async with Proxy((HOST, port)) as proxy, connected(proxy) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_what_is_delayed_comes_later_and_in_order(proxy: Proxy) -> None:
    """With jitter too; afterwards everything is as fast as before."""
    loop = asyncio.get_running_loop()
    async with connected(proxy) as streams:
        await said_back(streams, b"warm")
        with proxy.delayed(0.03, jitter=0.02):
            began = loop.time()
            for number in range(5):
                assert await said_back(streams, b"%d" % number) == b"%d" % number
            assert loop.time() - began >= 5 * 2 * 0.03
        streams[1].write(b"".join(b"%04d" % number for number in range(1000)))
        answer = await streams[0].readexactly(4000)
    assert answer == b"".join(b"%04d" % number for number in range(1000))


@pytest.mark.parametrize("way", ["requests", "answers"])
async def test_a_frozen_way_holds_bytes_up_and_loses_none(
    way: str, proxy: Proxy, echo: Echo
) -> None:
    """Requests that are frozen have not arrived, answers that are frozen have been given."""
    async with connected(proxy) as streams:
        await said_back(streams, b"warm")
        with proxy.frozen(frozenset({way})):  # type: ignore[arg-type]
            streams[1].write(b"cold")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await streams[0].read(4)
            assert bytes(echo.heard) == (b"warm" if way == "requests" else b"warmcold")
        assert await streams[0].readexactly(4) == b"cold"


async def test_answers_trickle_byte_by_byte(proxy: Proxy) -> None:
    """Until the end of it, when the rest comes at once."""
    loop = asyncio.get_running_loop()
    async with connected(proxy) as (reader, writer):
        with proxy.trickling(0.01):
            began = loop.time()
            writer.write(b"a word, and" + b" a long tale" * 1000)
            assert await reader.readexactly(6) == b"a word"
            assert loop.time() - began >= 0.05
        assert await reader.readexactly(5 + 12_000) == b", and" + b" a long tale" * 1000
        assert loop.time() - began < 10


async def test_what_is_suffered_at_the_same_time_ends_each_at_its_end(proxy: Proxy) -> None:
    """Who comes second ends nothing that began before, and has not less of it."""
    loop = asyncio.get_running_loop()
    async with connected(proxy) as streams:
        await said_back(streams, b"warm")
        with proxy.delayed(0.05), proxy.frozen(frozenset({"requests"})):
            with proxy.frozen(frozenset({"answers"})):
                streams[1].write(b"held")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await streams[0].read(4)
        assert await streams[0].readexactly(4) == b"held"
        with proxy.delayed(0.05):
            with proxy.trickling(0.001):
                pass
            began = loop.time()
            assert await said_back(streams, b"slow") == b"slow"
            assert loop.time() - began >= 2 * 0.05


async def test_nobody_is_cut_off_where_nobody_is_connected(proxy: Proxy) -> None:
    """And no answer is spoiled."""
    assert not proxy.cut()
    assert not proxy.trick("half")
    async with connected(proxy) as streams:
        await said_back(streams, b"warm")
        assert proxy.trick("swallow")
        assert proxy.cut()


@pytest.mark.parametrize("reset", [True, False])
async def test_a_cut_ends_all_connections(reset: bool, proxy: Proxy, echo: Echo) -> None:
    """With a reset or with an end, and a new one is served."""
    async with connected(proxy) as streams:
        await said_back(streams, b"warm")
        proxy.cut(reset=reset)
        if reset:
            with pytest.raises(ConnectionResetError):
                await streams[0].read()
        else:
            assert await streams[0].read() == b""
    async with connected(proxy) as streams:
        assert await said_back(streams, b"again") == b"again"


async def test_half_an_answer_is_cut_off(proxy: Proxy, echo: Echo) -> None:
    """The server gave all of it."""
    async with connected(proxy) as (reader, writer):
        await said_back((reader, writer), b"warm")
        proxy.trick("half")
        writer.write(b"0123456789")
        assert await _read_to_the_end(reader) in {b"01234", b""}
    assert await echo.ends.get() == b"warm0123456789"


async def _read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    """A reset may overtake the bytes before it."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_garbage_stands_for_an_answer_and_nothing_follows(proxy: Proxy) -> None:
    """Its bytes begin no answer that a server gives."""
    async with connected(proxy) as (reader, writer):
        await said_back((reader, writer), b"warm")
        proxy.trick("garbage")
        writer.write(b"an answer")
        garbage = await reader.readexactly(64)
        assert min(garbage) >= 128
        writer.write(b"and another")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await reader.read(1)


async def test_a_swallowed_request_is_done_and_never_answered(proxy: Proxy, echo: Echo) -> None:
    """The server has all of it when the client is cut off."""
    async with connected(proxy) as (reader, writer):
        await said_back((reader, writer), b"warm")
        proxy.trick("swallow")
        writer.write(b"do it")
        assert await _read_to_the_end(reader) == b""
        assert bytes(echo.heard) == b"warmdo it"


async def test_a_unix_socket_stands_before_a_unix_socket(tmp_path: Path) -> None:
    """As a port stands before a port."""
    echo = Echo()
    async with (
        await asyncio.start_unix_server(echo.serve, tmp_path / "server"),
        Proxy(tmp_path / "server", path=tmp_path / "proxy") as proxy,
    ):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "proxy")
        assert await said_back((reader, writer), b"hello") == b"hello"
        proxy.cut()
        assert await _read_to_the_end(reader) == b""
        writer.close()


# On a real server


def command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)


async def increment(proxy: Proxy) -> int | None:
    """Increment once; None when the answer was lost."""
    async with connected(proxy) as (reader, writer):
        writer.write(command(b"INCR", b"n"))
        line = await _line(reader)
        return int(line[1:]) if line else None


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("every", range(1, 6))
async def test_each_answer_swallowed_is_of_a_command_that_was_done(
    every: int, redis_server: RedisServer
) -> None:
    """Of a real server, every so many commands; what was answered is the value after it."""
    async with Proxy((HOST, redis_server.port)) as proxy:
        proxy.swallow_every(every, b"INCR", times=4)
        answers = [await increment(proxy) for _ in range(4 * every + 2)]
    lost = {every * number for number in range(1, 5)}
    assert answers == [None if n in lost else n for n in range(1, 4 * every + 3)]
    assert proxy.counts["swallowed"] == 4
    assert redis_server.ask("GET", "n") == b"%d" % len(answers)


async def test_a_pipeline_that_is_swallowed_is_done_to_its_end(redis_server: RedisServer) -> None:
    """Two hundred commands in one write, one of them marked."""
    async with Proxy((HOST, redis_server.port)) as proxy:
        proxy.swallow_every(1, b"LAST", times=1)
        async with connected(proxy) as (reader, writer):
            writer.write(command(b"INCR", b"n") * 199 + command(b"SET", b"LAST", b"1"))
            assert await _read_to_the_end(reader) == b""
    assert redis_server.ask("MGET", "n", "LAST") == [b"199", b"1"]
