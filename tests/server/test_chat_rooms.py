"""What one process holds for the sockets of a conversation: it may break, and has a limit."""

import json
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from holdfast.server.conversation import rooms
from holdfast.server.conversation.recent import Recent
from tests.server.inside import listening
from tests.server.talking import begun, ending, tab


async def test_a_broken_room_sends_its_readers_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rather than leave them without news; they come back."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    async with listening(tmp_path) as (url, app):
        chat = await begun(url)
        async with tab(chat) as one:
            monkeypatch.setattr(Recent, "read_on", broken)
            await app.state.holdfast_store.append(chat.session_id, "x")
            assert await ending(one.socket) == 1013
        assert "chat.room_broken" in caplog.text
        monkeypatch.undo()
        async with tab(chat) as again:
            await again.send("Hello", name="m1")


async def test_one_conversation_has_so_many_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any number that a visitor opens, not any number that a program does."""
    monkeypatch.setattr(rooms, "MOST_VIEWS", 2)
    async with listening(tmp_path) as (url, _):
        chat = await begun(url)
        async with tab(chat), tab(chat), connect(chat.address) as third:
            await third.send(json.dumps(chat.hello()))
            assert await ending(third) == 4429
