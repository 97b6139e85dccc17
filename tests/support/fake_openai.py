"""A service with OpenAI's interface, on a free port of the loopback: it replays a script.

It streams where it is asked to, stalls, breaks off in the middle, and refuses.
"""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
End = Literal["done", "cut", "silent", "error"]

PATHS = ("/v1/chat/completions", "/openai/deployments/fake-1/chat/completions")


@dataclass(frozen=True)
class Reply:
    """One answer of the service, after `seconds`.

    Streamed, it is `pieces` of text, then the tool calls; each piece waits for `between`. `end`
    says how the stream ends: as it should, with a lost connection, without its last lines, or with
    an error among them. `at_piece` is where it ends so.
    """

    message: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    between: float = 0.0
    end: End = "done"
    at_piece: int = 0
    reason: str = "stop"
    tokens: int = 10

    @property
    def pieces(self) -> list[str]:
        content = self.message.get("content") or ""
        return [content[place : place + 5] for place in range(0, len(content), 5)]


def text(content: str, **how: Any) -> Reply:
    return Reply({"role": "assistant", "content": content}, **how)


def tool_call(name: str, *, said: str | None = None, **arguments: Any) -> Reply:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "call-1", "type": "function", "function": function}
    message = {"role": "assistant", "content": said, "tool_calls": [call]}
    return Reply(message, reason="tool_calls")


def failure(status: int, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named)


ERROR = {"error": {"message": "secret detail of the service", "type": "error", "code": None}}


def _completion(reply: Reply) -> dict[str, Any]:
    choice = {"index": 0, "message": reply.message, "finish_reason": reply.reason}
    return {**_head("chat.completion"), "choices": [choice], "usage": _usage(reply)}


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.tokens - 3,
        "completion_tokens": 3,
        "total_tokens": reply.tokens,
    }


def _head(kind: str) -> dict[str, Any]:
    return {"id": "c-1", "object": kind, "created": 1, "model": "fake-1"}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {**_head("chat.completion.chunk"), "choices": [choice]}


def _chunks(reply: Reply) -> Iterator[dict[str, Any]]:
    for piece in reply.pieces:
        yield _chunk({"role": "assistant", "content": piece})
    for place, call in enumerate(reply.message.get("tool_calls", ())):
        yield _chunk({"role": "assistant", "tool_calls": [{"index": place, **call}]})


class FakeOpenAI:
    """Gives the replies of its script in order, and keeps what it was asked.

    `told` counts the pieces sent, `left` the streams that the client closed.
    """

    def __init__(self) -> None:
        self.script: deque[Reply] = deque()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.queries: list[bytes] = []
        self.base_url = ""
        self.told = 0
        self.left = asyncio.Event()

    @property
    def authorization(self) -> list[str]:
        return [headers[b"authorization"].decode() for headers in self.headers]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        assert scope["path"] in PATHS
        self.headers.append(dict(scope["headers"]))
        self.queries.append(scope["query_string"])
        request = json.loads(await _body(receive))
        self.requests.append(request)
        reply = self.script.popleft()
        await asyncio.sleep(reply.seconds)
        if reply.status == 200 and request.get("stream"):
            await self._stream(reply, receive, send)
            return
        body = _completion(reply) if reply.status == 200 else ERROR
        await send(_start(reply, "application/json"))
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _stream(self, reply: Reply, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_gone(receive))
        telling = asyncio.create_task(self._tell(reply, send))
        await asyncio.wait({gone, telling}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done() and not telling.done():
            self.left.set()
        for task in (gone, telling):
            task.cancel()
        results = await asyncio.gather(telling, gone, return_exceptions=True)
        if isinstance(results[0], BrokenPipeError):
            raise results[0]

    async def _tell(self, reply: Reply, send: Send) -> None:
        await send(_start(reply, "text/event-stream"))
        for place, chunk in enumerate(_chunks(reply)):
            if reply.end != "done" and place == reply.at_piece:
                break
            await asyncio.sleep(reply.between)
            await _line(send, chunk)
            self.told += 1
        match reply.end:
            case "cut":
                # An application that fails after it began has its connection closed.
                raise BrokenPipeError
            case "error":
                await _line(send, ERROR)
            case "done":
                await _line(send, _chunk({}, reply.reason))
                await _line(
                    send, {**_head("chat.completion.chunk"), "choices": [], "usage": _usage(reply)}
                )
                await _line(send, "[DONE]")
            case "silent":
                pass
        await send({"type": "http.response.body", "body": b""})


async def _line(send: Send, data: dict[str, Any] | str) -> None:
    told = data if isinstance(data, str) else json.dumps(data)
    body = f"data: {told}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})


def _start(reply: Reply, content_type: str) -> dict[str, Any]:
    lines = {"content-type": content_type, **reply.headers}
    encoded = [(name.encode(), value.encode()) for name, value in lines.items()]
    return {"type": "http.response.start", "status": reply.status, "headers": encoded}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _body(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


@asynccontextmanager
async def serving() -> AsyncIterator[FakeOpenAI]:
    """Serve until the block ends."""
    fake = FakeOpenAI()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fake.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        config = uvicorn.Config(
            fake, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server._serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield fake
        finally:
            server.should_exit = True
            await task
