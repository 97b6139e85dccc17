"""A client for load: requests over many connections at once, each answered before the next.

    python -m benchmarks.http_load --port 8000 --body '{}' --method PATCH /v1/sessions/a …

It speaks only what it needs of HTTP/1.1 (kept-alive connections, bodies with a length), so that
it never costs more than the server it measures. Prints `{"operations": …, "seconds": …}`.
"""

import argparse
import asyncio
import json
import time
from asyncio import BaseTransport, Transport
from collections.abc import Coroutine
from typing import Any, cast

CONNECTIONS = 32
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class UnexpectedAnswer(Exception):
    """The server answered something else than 200, or hung up."""


class Connection(asyncio.Protocol):
    """Sends one request again and again until the time is over."""

    def __init__(self, request: bytes, end: float) -> None:
        self.answered = 0
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._request = request
        self._end = end
        self._received = b""
        self._transport: Transport | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        self._transport = cast("Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not _whole(self._received) or self._transport is None or self.done.done():
            return
        if not self._received.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(UnexpectedAnswer(self._received[:500].decode()))
            return
        self.answered += 1
        self._received = b""
        if time.perf_counter() < self._end:
            self._transport.write(self._request)
        else:
            self.done.set_result(self.answered)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(UnexpectedAnswer("the server closed the connection"))


def _whole(received: bytes) -> bool:
    head, end, body = received.partition(HEAD_END)
    if not end:
        return False
    lower = head.lower()
    start = lower.index(LENGTH) + len(LENGTH)
    length = lower[start:].split(b"\r\n", 1)[0]
    return len(body) >= int(length)


async def load(requests: list[bytes], *, port: int, seconds: float) -> dict[str, float]:
    """Keep one connection busy for each request."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    connections: list[Connection] = []
    for request in requests:
        _, connection = await loop.create_connection(
            lambda request=request: Connection(request, began + seconds),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
        connections.append(connection)
    answered = await asyncio.gather(*(connection.done for connection in connections))
    return {"operations": sum(answered), "seconds": time.perf_counter() - began}


def request_bytes(method: str, path: str, *, body: str, key: str | None) -> bytes:
    """Write a request as it goes over the wire."""
    access = "" if key is None else f"Authorization: Bearer {key}\r\n"
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{access}"
        f"Content-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    )
    return (head + body).encode()


def run(work: Coroutine[Any, Any, dict[str, float]]) -> dict[str, float]:
    """Run on the faster event loop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ModuleNotFoundError:
        return asyncio.run(work)
    return uvloop.run(work)


def main() -> None:
    parser = argparse.ArgumentParser(description="Put load on a server and count its answers.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--method", default="GET")
    parser.add_argument("--body", default="")
    parser.add_argument("--key", help="sent as a bearer token")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("paths", nargs="+", help="given to the connections in turn")
    given = parser.parse_args()
    requests = [
        request_bytes(
            given.method, given.paths[n % len(given.paths)], body=given.body, key=given.key
        )
        for n in range(given.connections)
    ]
    print(json.dumps(run(load(requests, port=given.port, seconds=given.seconds))))


if __name__ == "__main__":
    main()
