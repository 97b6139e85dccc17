"""WebSockets: who may open them, for how long, and how much goes through."""

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from holdfast import Change
from holdfast.server import sockets
from holdfast.server.conversation import admission
from holdfast.server.conversation.views import View
from tests.server.inside import listening
from tests.server.serving import API_KEY, served
from tests.server.talking import Tab, begun, ending, tab
from tests.server.test_chat_runs import tab_elsewhere


@pytest.fixture
def _blind_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rooms not see that a conversation is closed to somebody: others have to."""
    monkeypatch.setattr(View, "_check", lambda _: None)


@pytest.mark.usefixtures("_blind_rooms")
@pytest.mark.parametrize(
    "said",
    [
        {"type": "message.send", "client_message_id": "m1", "text": "Hello?"},
        {"type": "run.cancel", "run_id": "r1"},
        {"type": "feedback", "message_id": "m1", "value": "up"},
        {"type": "ping"},
    ],
    ids=lambda said: str(said["type"]),
)
async def test_security_061_each_frame_is_authorised_again(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    """A secret that was taken back between two frames opens nothing any more."""
    async with listening(tmp_path) as (url, app):
        chat = await begun(url)
        async with tab(chat) as one:
            store = app.state.holdfast_store
            await store.apply(chat.session_id, Change(unset=("secret_hash",)))
            await one.socket.send(json.dumps(said))
            assert await ending(one.socket) == 4409
        assert not (await store.read_log(chat.session_id)).items


@pytest.mark.usefixtures("_blind_rooms")
async def test_security_061_who_says_nothing_is_checked_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least once a minute, whatever else goes on."""
    assert admission.CHECK_SECONDS <= 60
    monkeypatch.setattr(admission, "CHECK_SECONDS", 0.05)
    async with listening(tmp_path) as (url, app):
        chat = await begun(url)
        async with tab(chat) as one:
            await one.say("ping")
            await one.until("pong")
            store = app.state.holdfast_store
            await store.apply(chat.session_id, Change(unset=("secret_hash",)))
            assert await ending(one.socket) == 4409


async def test_security_062_sockets_that_say_nothing_are_few(tmp_path: Path) -> None:
    """Each network has its share of them; one that said hello makes room."""
    async with listening(tmp_path, websocket_unknown_per_network=2) as (url, _):
        chat = await begun(url)
        async with connect(chat.address) as one, connect(chat.address):
            async with connect(chat.address) as third:
                assert await ending(third) == 4429
            await one.send(json.dumps(chat.hello()))
            assert json.loads(await one.recv())["type"] == "welcome"
            async with tab(chat):
                pass


@pytest.mark.parametrize("path", ["/v1/chat/ws", "/v1/events"])
async def test_security_062_sockets_count_from_their_first_moment(
    tmp_path: Path, path: str
) -> None:
    """One that has said nothing takes the place of another."""
    async with listening(tmp_path, websocket_connections=1) as (url, app):
        address = f"ws{url.removeprefix('http')}{path}"
        async with connect(address):
            async with asyncio.timeout(20):
                while not len(app.state.places):
                    await asyncio.sleep(0.01)
            async with connect(address) as other:
                assert await ending(other) == 4429
        async with asyncio.timeout(20):
            while len(app.state.places):
                await asyncio.sleep(0.01)
        assert not app.state.places._unknown


@pytest.mark.parametrize("path", ["/v1/chat/ws", "/v1/events"])
async def test_security_062_the_first_frame_comes_soon(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within ten seconds; then the socket is closed."""
    assert sockets.FIRST_FRAME_SECONDS <= 10
    monkeypatch.setattr(sockets, "FIRST_FRAME_SECONDS", 0.1)
    async with (
        listening(tmp_path) as (url, _),
        connect(f"ws{url.removeprefix('http')}{path}") as silent,
    ):
        assert await ending(silent) == 4408


async def _ended(one: Tab, other: Tab) -> float:
    """Wait for both sockets to be closed with 4409; the seconds that it took."""
    began = time.monotonic()
    assert [await ending(tab.socket) for tab in (one, other)] == [4409, 4409]
    return time.monotonic() - began


async def test_security_060_sockets_end_with_their_conversation(
    tmp_path: Path, shared_url: str
) -> None:
    """On every worker within two seconds: when it is deleted, and when it is kept for staff."""
    line = ("--workers", "2", "--store", shared_url)
    with served(tmp_path, *line, rate_limit="false") as here:
        async with httpx2.AsyncClient(timeout=20) as client:
            chat = await begun(here.url)
            async with tab(chat) as one, tab_elsewhere(chat, one) as other:
                key = {"Authorization": f"Bearer {API_KEY}"}
                await client.delete(f"{here.url}/v1/sessions/{chat.session_id}", headers=key)
                assert await _ended(one, other) < 2
            chat = await begun(here.url)
            async with tab(chat) as one, tab_elsewhere(chat, one) as other:
                asked = await client.post(f"{chat.path}/escalate", headers=chat.headers)
                assert asked.status_code == 200
                await client.post(f"{chat.path}/end", headers=chat.headers)
                assert await _ended(one, other) < 2


async def test_security_060_sockets_end_when_their_conversation_expires(
    tmp_path: Path, store_url: str
) -> None:
    """Within two seconds of the moment that was told, though pings go on."""
    async with (
        listening(tmp_path, store=store_url, ttl_seconds=1.5) as (url, _),
        tab(await begun(url)) as one,
    ):
        await one.say("ping")
        expires = datetime.fromisoformat((await one.until("pong"))["expires_at"])
        assert await ending(one.socket) == 4409
        late = (datetime.now(UTC) - expires).total_seconds()
        assert -0.1 < late < 2


async def test_security_062_frames_are_small_and_not_compressed(tmp_path: Path) -> None:
    """A client that offers compression is not taken at its word; more than 64 KiB end a socket."""
    with served(tmp_path, "--store", "memory://") as here:
        chat = await begun(here.url)
        for path in ("/v1/chat/ws", "/v1/events"):
            address = f"ws{here.url.removeprefix('http')}{path}"
            async with connect(address, compression="deflate") as one:
                assert one.protocol.extensions == []
                await one.send(json.dumps({"text": "x" * (1 << 16)}))
                assert await ending(one) == 1009
        text = "x" * ((1 << 16) - 200)
        async with tab(chat) as one:
            await one.say("message.send", client_message_id="m1", text=text)
            assert (await one.until("error"))["code"] == "INVALID_REQUEST"


async def test_security_062_messages_are_counted(tmp_path: Path) -> None:
    """Over all sockets of a visitor and over HTTP together; the sockets stay open."""
    limits = {"rate_limit_requests": 3, "rate_limit_seconds": 3600}
    async with listening(tmp_path, **limits) as (url, _):
        chat = await begun(url)
        async with tab(chat) as one, tab(chat) as other:
            await one.send("Hello?", name="m1")
            await other.send("Anybody?", name="m2")
            for asking in (one, other):
                await asking.say("message.send", client_message_id="m3", text="Hello?")
                error = await asking.until("error")
                assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
                await asking.say("ping")
                await asking.until("pong")
