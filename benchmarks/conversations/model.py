"""A language model that takes its time, with OpenAI's interface, inside this process."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn

WORDS: Final = ["So ", "it ", "goes ", "on ", "and ", "on. "] * 10
SECONDS_A_WORD: Final = 0.05


@asynccontextmanager
async def slow_model() -> AsyncIterator[dict[str, str]]:
    """Serve for the block, and give the settings that lead to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            _answer, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            url = f"http://127.0.0.1:{port}/v1"
            yield {"AI_PROVIDER": "compatible", "AI_BASE_URL": url, "AI_MODEL": "slow"}
        finally:
            server.should_exit = True
            await task


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for word in WORDS:
        await _line(send, _chunk({"role": "assistant", "content": word}))
        await asyncio.sleep(SECONDS_A_WORD)
    await _line(send, _chunk({}, reason="stop"))
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


def _chunk(delta: dict[str, str], *, reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "slow"}
    return json.dumps({**head, "choices": [choice]})


async def _line(send: Any, data: str) -> None:
    body = f"data: {data}\n\n".encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})
