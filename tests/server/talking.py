"""A tab of a page, without the page: it knows the interface and nothing of the service."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SOON: Final = 20.0

Frame = dict[str, Any]


@dataclass(frozen=True)
class Chat:
    """A conversation: where it is, and what opens it."""

    url: str
    session_id: str
    secret: str

    @property
    def path(self) -> str:
        return f"{self.url}/v1/chat/sessions/{self.session_id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}

    @property
    def address(self) -> str:
        return f"ws{self.url.removeprefix('http').rstrip('/')}/v1/chat/ws"

    def hello(self, **said: Any) -> Frame:
        opened = {"session_id": self.session_id, "session_secret": self.secret}
        return {"type": "hello", **opened, **said}


async def begun(url: str) -> Chat:
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/v1/chat/sessions", json={})
    assert answer.status_code == 201
    body = answer.json()
    return Chat(url.rstrip("/"), body["session_id"], body["session_secret"])


@dataclass
class Tab:
    """One socket, and everything it was told."""

    socket: ClientConnection
    welcome: Frame
    told: list[Frame] = field(default_factory=list)

    async def frame(self) -> Frame:
        try:
            frame = dict(json.loads(await asyncio.wait_for(self.socket.recv(), SOON)))
        except TimeoutError as exc:
            raise AssertionError(f"Nothing came in {SOON} s after {self.told}") from exc
        self.told.append(frame)
        return frame

    async def until(self, kind: str, when: Callable[[Frame], bool] = lambda _: True) -> Frame:
        """Read on until a frame of this kind comes."""
        while True:
            frame = await self.frame()
            if frame["type"] == kind and when(frame):
                return frame
            if (kind, frame["type"]) == ("run.finished", "run.interrupted"):
                raise AssertionError(f"The run was interrupted: {self.told}")

    async def say(self, kind: str, **said: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **said}))

    async def send(self, text: str, *, name: str) -> Frame:
        """Send a message, and read until it is acknowledged."""
        await self.say("message.send", client_message_id=name, text=text)
        return await self.until("ack", lambda ack: bool(ack["client_message_id"] == name))

    def messages(self) -> list[Frame]:
        return [frame for frame in self.told if frame["type"] == "message"]

    def text(self, run_id: str) -> str:
        """Put together what was told of a run's answer, as a page does."""
        text = ""
        for frame in self.told:
            if frame["type"] == "delta" and frame["run_id"] == run_id:
                assert frame["offset"] in {0, len(text)}
                text = text[: frame["offset"]] + frame["text"]
        return text


@asynccontextmanager
async def tab(chat: Chat, *, last_number: int = 0, **options: Any) -> AsyncGenerator[Tab]:
    async with connect(chat.address, compression=None, **options) as socket:
        await socket.send(json.dumps(chat.hello(last_number=last_number)))
        opened = Tab(socket, {})
        opened.welcome = await opened.frame()
        assert opened.welcome["type"] == "welcome"
        yield opened


async def ending(socket: ClientConnection) -> int:
    """Wait for the service to close, and give the code."""
    with suppress(ConnectionClosed):
        async with asyncio.timeout(SOON):
            async for _ in socket:
                pass
    assert socket.close_code is not None
    return socket.close_code
