"""Streams that are not read: they cost no place, and go on where they were cut."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast import SessionStore
from holdfast.server import frames
from tests.server.inside import listening, narrow
from tests.server.talking import Chat, begun, tab

MESSAGES = 300
SOON = 20.0


def ask(chat: Chat) -> socket.socket:
    """Begin to follow a conversation over a connection that holds little."""
    line = narrow(chat.url)
    path = f"/v1/chat/sessions/{chat.session_id}/stream"
    token = chat.headers["Authorization"]
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\n\r\n"
    line.sendall(request.encode())
    line.setblocking(False)
    return line


async def rest(line: socket.socket) -> str:
    """Read what is on its way, to the end of the answer."""
    reader, writer = await asyncio.open_connection(sock=line, limit=1 << 26)
    async with asyncio.timeout(SOON):
        told = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    return re.sub(r"\r\n[0-9a-f]+\r\n", "", told.decode())


def numbers(told: str) -> list[int]:
    """Give the ids of whole events, as a browser reads them."""
    return [int(number) for event in told.split("\n\n")[:-1]
            for number in re.findall(r"^id: (\d+)$", event, re.MULTILINE)]  # fmt: skip


async def gone_on(chat: Chat, *, after: int) -> AsyncGenerator[int]:
    headers = {**chat.headers, "Last-Event-ID": str(after)}
    async with (
        httpx2.AsyncClient(timeout=SOON) as client,
        client.stream("GET", f"{chat.path}/stream", headers=headers) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                yield int(line.removeprefix("id: "))


async def test_who_does_not_read_a_stream_is_given_up_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place is free at once, the others are told on, and nothing is missed or told twice."""
    monkeypatch.setattr(frames, "SEND_SECONDS", 0.3)
    async with listening(tmp_path) as (url, app):
        chat = await begun(url)
        store: SessionStore[Any] = app.state.holdfast_store
        async with tab(chat) as quick:
            slow = ask(chat)
            async with asyncio.timeout(SOON):
                while len(app.state.places) < 2:
                    await asyncio.sleep(0.01)
            for number in range(MESSAGES):
                said = {"kind": "message", "id": f"i{number}", "role": "staff"}
                await store.append(chat.session_id, {**said, "content": "x" * 30_000})
            await quick.until("message", lambda told: bool(told["number"] == MESSAGES))
            async with asyncio.timeout(SOON):
                while len(app.state.places) > 1:
                    await asyncio.sleep(0.01)
        had = numbers(await rest(slow))
        assert 0 < len(had) < MESSAGES
        async with aclosing(gone_on(chat, after=had[-1])) as more:
            while had[-1] < MESSAGES:
                had.append(await anext(more))
        assert had == list(range(1, MESSAGES + 1))
