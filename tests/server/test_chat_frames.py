"""Frames that nobody can use: what is answered, and how the socket ends."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from holdfast.server.closing import Ended, Ending
from holdfast.server.frames import Frames
from tests.server.serving import Served, served
from tests.server.talking import Chat, begun, ending, tab


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with served(folder, "--store", "memory://", rate_limit="false") as service:
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log()


@pytest.fixture
async def chat(service: Served) -> Chat:
    return await begun(service.url)


@pytest.mark.parametrize("bad", [{"type": "da€nce" * 30}, {"type": "ping", "€" * 300: 1}])
async def test_what_cannot_be_used_is_not_repeated(chat: Chat, bad: dict[str, Any]) -> None:
    """However long it is, the answer is short, and the third one ends the socket with a reason."""
    async with tab(chat) as one:
        await one.socket.send(json.dumps(bad))
        error = await one.until("error")
        assert len(error["detail"]) < 123
        assert "da€nce" not in error["detail"]
        for _ in range(2):
            await one.socket.send(json.dumps(bad))
        assert await ending(one.socket) == 4400
        assert 0 < len((one.socket.close_reason or "").encode()) <= 123


async def test_the_end_is_told_to_nobody_who_is_gone() -> None:
    """A socket whose other end is gone is closed without an error, however often."""

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        if message["type"] != "websocket.accept":
            raise OSError

    socket = WebSocket({"type": "websocket"}, receive, send)
    await socket.accept()
    frames = Frames(socket)
    for _ in range(2):
        with pytest.raises(WebSocketDisconnect):
            await frames.write({"event": "pong"})
    other = WebSocket({"type": "websocket"}, receive, send)
    await other.accept()
    for closing in (frames, Frames(other)):
        for _ in range(2):
            await closing.close(Ended(Ending.BAD_FRAMES, "gone"))


@pytest.mark.parametrize(
    "bad",
    [
        {"type": "message.send", "client_message_id": "\ud800", "text": "hi"},
        {"type": "message.send", "client_message_id": "x" * 201, "text": "hi"},
        {"type": "message.send", "client_message_id": "m1", "text": "\ud800"},
        {"type": "ping", "\udfff": 1},
        {"type": "\ud800"},
    ],
)
async def test_half_a_character_is_refused(chat: Chat, bad: dict[str, Any]) -> None:
    """Wherever it stands, it is no text; the socket stays usable."""
    async with tab(chat) as one:
        await one.socket.send(json.dumps(bad))
        assert (await one.until("error"))["code"] == "INVALID_REQUEST"
        assert (await one.send("Hello", name="m2"))["number"] == 1


async def test_bad_frames_are_counted_in_a_row(chat: Chat) -> None:
    """One that can be used in between begins the count anew."""
    async with tab(chat) as one:
        for bad in range(1, 7):
            await one.socket.send("no json")
            await one.until("error")
            if bad % 2 == 0:
                await one.say("ping")
                await one.until("pong")
        for _ in range(3):
            await one.socket.send("no json")
        assert await ending(one.socket) == 4400
