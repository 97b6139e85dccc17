"""A service with OpenAI's interface, on a free port of the loopback: it replays a script."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Reply:
    """One answer of the service, after `seconds`."""

    body: dict[str, Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def text(content: str, *, seconds: float = 0.0) -> Reply:
    return Reply(_completion({"role": "assistant", "content": content}, "stop"), seconds=seconds)


def tool_call(name: str, *, said: str | None = None, **arguments: Any) -> Reply:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "call-1", "type": "function", "function": function}
    message = {"role": "assistant", "content": said, "tool_calls": [call]}
    return Reply(_completion(message, "tool_calls"))


def failure(status: int, **headers: str) -> Reply:
    error = {"message": "secret detail of the service", "type": "error", "code": None}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": error}, status=status, headers=named)


def _completion(message: dict[str, Any], reason: str) -> dict[str, Any]:
    return {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake-1",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


class FakeOpenAI:
    """Gives the replies of its script in order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.script: deque[Reply] = deque()
        self.requests: list[dict[str, Any]] = []
        self.authorization: list[str] = []
        self.base_url = ""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        assert scope["path"] == "/v1/chat/completions"
        headers = dict(scope["headers"])
        self.authorization.append(headers[b"authorization"].decode())
        self.requests.append(json.loads(await _body(receive)))
        reply = self.script.popleft()
        await asyncio.sleep(reply.seconds)
        lines = {"content-type": "application/json", **reply.headers}
        encoded = [(name.encode(), value.encode()) for name, value in lines.items()]
        start = {"type": "http.response.start", "status": reply.status, "headers": encoded}
        await send(start)
        await send({"type": "http.response.body", "body": json.dumps(reply.body).encode()})


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
            fake, log_level="error", lifespan="off", timeout_graceful_shutdown=1
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
