"""A visitor as a page behaves: it knows what it was told, loses its line, and comes back."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PATIENCE: Final = 120.0
PAUSE: Final = 0.1
# A service that was told to end asks for a new socket with 1012; any other code is a fault here.
COMING_BACK: Final = frozenset({1001, 1006, 1012, 1013})

Frame = dict[str, Any]


class Disagreement(Exception):
    """What a visitor was told cannot be true."""


@dataclass
class Visitor:
    """One conversation, and everything that was told of it, over however many sockets."""

    url: str
    name: str
    session_id: str = ""
    secret: str = ""
    messages: list[Frame] = field(default_factory=list)
    acks: dict[str, Frame] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    sockets: int = 0
    duplicates: int = 0
    retries: int = 0
    socket: ClientConnection | None = None

    async def begin(self) -> None:
        """Begin the conversation."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=PATIENCE) as client:
            begun = (await client.post("/v1/chat/sessions", json={})).json()
        self.session_id, self.secret = begun["session_id"], begun["session_secret"]

    async def turn(self, number: int, text: str) -> None:
        """Say something, and read until it is answered, over as many sockets as that takes."""
        name, began = f"{self.name}-{number}", time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            while not self._is_answered(name):
                try:
                    await self._go_on(name, text)
                except (ConnectionClosed, InvalidHandshake, OSError):
                    await self._lose()
        self.seconds.append(time.perf_counter() - began)

    async def leave(self) -> None:
        """Lose the line in the middle of whatever is going on."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def close(self) -> None:
        """Close the socket for good."""
        if self.socket is not None:
            await self.socket.close()

    async def log(self) -> list[Frame]:
        """Read what the service has of this conversation."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        path = f"{self.url}/v1/chat/sessions/{self.session_id}/messages?limit=1000"
        async with httpx2.AsyncClient(timeout=PATIENCE, headers=headers) as client:
            return list((await client.get(path)).json()["messages"])

    async def _go_on(self, name: str, text: str) -> None:
        socket = self.socket or await self._open()
        if name not in self.acks:
            await self._say(socket, name, text)
        async with aclosing(self._told(socket)) as told:
            async for frame in told:
                if frame["type"] == "run.interrupted" and self._is_mine(frame, name):
                    self.retries += 1
                    await self._say(socket, name, text)
                if self._is_answered(name):
                    return

    async def _open(self) -> ClientConnection:
        address = f"ws{self.url.removeprefix('http')}/v1/chat/ws"
        self.socket = socket = await connect(address, compression=None, ping_interval=None)
        self.sockets += 1
        last = self.messages[-1]["number"] if self.messages else 0
        hello = {"session_id": self.session_id, "session_secret": self.secret, "last_number": last}
        await socket.send(json.dumps({"type": "hello", **hello}))
        return socket

    async def _lose(self) -> None:
        if self.socket is not None:
            await self.socket.close()
            code = self.socket.close_code
            if code is not None and code not in COMING_BACK | {1000}:
                raise Disagreement(f"the service closed with {code}")
        self.socket = None
        await asyncio.sleep(PAUSE)

    async def _say(self, socket: ClientConnection, name: str, text: str) -> None:
        said = {"type": "message.send", "client_message_id": name, "text": text}
        await socket.send(json.dumps(said))

    async def _told(self, socket: ClientConnection) -> AsyncGenerator[Frame]:
        while True:
            frame = json.loads(await socket.recv())
            self._note(frame)
            yield frame

    def _note(self, frame: Frame) -> None:
        """Keep what was told, and see that it agrees with what was told before."""
        match frame["type"]:
            case "message":
                last = self.messages[-1]["number"] if self.messages else 0
                if frame["number"] != last + 1:
                    raise Disagreement(f"message {frame['number']} came after {last}")
                self._compare(frame)
                self.messages.append(frame)
            case "ack":
                self._note_ack(frame)
            case "delta":
                before = self.texts.get(frame["run_id"], "")
                if frame["offset"] not in {0, len(before)}:
                    raise Disagreement(f"a delta at {frame['offset']} came after {len(before)}")
                self.texts[frame["run_id"]] = before[: frame["offset"]] + frame["text"]
            case "error":
                raise Disagreement(f"the service refused: {frame['detail']}")

    def _note_ack(self, ack: Frame) -> None:
        known = self.acks.setdefault(ack["client_message_id"], ack)
        self.duplicates += ack["duplicate"]
        if (known["message_id"], known["number"]) != (ack["message_id"], ack["number"]):
            raise Disagreement("the same message was stored twice")

    def _compare(self, message: Frame) -> None:
        """See that a question is one's own, and an answer what its last run told."""
        name = message.get("client_message_id")
        if message["role"] == "user" and not str(name).startswith(f"{self.name}-"):
            raise Disagreement(f"{self.name} was told of {name}")

    def _is_answered(self, name: str) -> bool:
        asked = [m["id"] for m in self.messages if m.get("client_message_id") == name]
        return bool(asked) and any(m.get("reply_to") == asked[0] for m in self.messages)

    def _is_mine(self, frame: Frame, name: str) -> bool:
        """Say whether it is news that a run for this message was interrupted."""
        new = frame["run_id"] not in self.interrupted
        self.interrupted.add(frame["run_id"])
        asked = [m["id"] for m in self.messages if m.get("client_message_id") == name]
        return new and frame["message_id"] in asked


def faults(visitor: Visitor, log: list[Frame], *, turns: int) -> list[str]:
    """Compare what a visitor was told with what the service has."""
    told = [{name: m[name] for name in m if name != "type"} for m in visitor.messages]
    found = [] if told == log else [f"{visitor.name}: told {len(told)}, stored {len(log)}"]
    asked = [message for message in log if message["role"] == "user"]
    names = [message["client_message_id"] for message in asked]
    if names != [f"{visitor.name}-{number}" for number in range(turns)]:
        found.append(f"{visitor.name}: asked {names}")
    replies = [message["reply_to"] for message in log if message["role"] == "assistant"]
    if sorted(replies) != sorted(message["id"] for message in asked):
        found.append(f"{visitor.name}: {len(replies)} answers to {len(asked)} messages")
    return found
