"""What stands between visitors and the service in some offices: it lets no sockets through."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CHUNK = 65_536


class Gateway:
    """Passes requests on, one a connection; one that `collects` keeps events until they end."""

    def __init__(self, url: str, *, collects: bool = False) -> None:
        self._service = urlsplit(url)
        self._collects = collects
        self.url = ""
        self.refused = 0
        self.asked: list[str] = []

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._attend(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            await _hang_up(writer)

    async def _attend(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.asked.append(first)
        if any(line.lower() == "upgrade: websocket" for line in lines):
            self.refused += 1
            writer.write(REFUSAL)
            return
        kept = [line for line in lines if not line.lower().startswith("connection:")]
        head = "\r\n".join([first, "Connection: close", *kept]).encode("latin-1")
        collected = self._collects and "/stream" in first
        await self._pass_on(head, reader, writer, collected=collected)

    async def _pass_on(
        self, head: bytes, reader: StreamReader, writer: StreamWriter, *, collected: bool
    ) -> None:
        answer, asked = await asyncio.open_connection(self._service.hostname, self._service.port)
        asked.write(head)
        rest = asyncio.create_task(_pour(reader, asked))
        try:
            if collected:
                # A browser that has waited in vain hangs up, which ends the wait here.
                answering = asyncio.create_task(answer.read())
                await asyncio.wait({rest, answering}, return_when=asyncio.FIRST_COMPLETED)
                answering.cancel()
            else:
                await _pour(answer, writer)
        finally:
            rest.cancel()
            await _hang_up(asked)


async def _pour(source: StreamReader, target: StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()


async def _hang_up(writer: StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@asynccontextmanager
async def gateway(url: str, *, collects: bool = False) -> AsyncGenerator[Gateway]:
    """Stand before a service for the block."""
    between = Gateway(url, collects=collects)
    serving: set[asyncio.Task[None]] = set()

    def begin(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(between.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        between.url = f"http://{host}:{port}"
        yield between
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
