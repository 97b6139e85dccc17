"""A conversation over WebSockets: every frame and close code, on every store."""

import asyncio
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from holdfast import SessionStore
from holdfast.server import frames
from tests.redis_servers import RedisServer
from tests.server.inside import listening, narrow
from tests.server.serving import API_KEY, Served, served
from tests.server.talking import Chat, begun, ending, tab

QUESTION: Final = "How long does delivery take?"
STORES: Final = {
    "memory": ("--store", "memory://"),
    "two workers": ("--workers", "2"),
    "redis": ("--workers", "2"),
}


@pytest.fixture(scope="module", params=STORES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("served")
    line = [*STORES[request.param]]
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("shared_redis")
        server.ask("FLUSHALL")
        line += ["--store", server.url()]
    with served(folder, *line, rate_limit="false", cors_origins="https://shop.example") as service:
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log()


@pytest.fixture
async def chat(service: Served) -> Chat:
    return await begun(service.url)


async def test_a_message_is_acknowledged_told_and_answered(chat: Chat) -> None:
    """The same frames reach every tab; deltas put together are the answer."""
    async with tab(chat) as one, tab(chat) as other:
        ack = await one.send(QUESTION, name="m1")
        assert (ack["number"], ack["duplicate"]) == (1, False)
        for reader in (one, other):
            finished = await reader.until("run.finished")
            assert finished["number"] == 2
            asked, answer = reader.messages()
            assert (asked["number"], asked["role"], asked["content"]) == (1, "user", QUESTION)
            assert (asked["id"], asked["client_message_id"]) == (ack["message_id"], "m1")
            assert (answer["number"], answer["role"]) == (2, "assistant")
            assert answer["reply_to"] == asked["id"]
            assert reader.text(finished["run_id"]) == answer["content"] != ""
            (started,) = [told for told in reader.told if told["type"] == "run.started"]
            assert started["run_id"] == finished["run_id"]
            assert started["request_id"]


async def test_a_message_sent_again_is_a_duplicate(chat: Chat) -> None:
    """Over the same socket, over a later one, and over HTTP, it is stored and answered once."""
    async with tab(chat) as one:
        first = await one.send(QUESTION, name="m1")
        await one.until("run.finished")
        again = await one.send(QUESTION, name="m1")
        assert again == {**first, "duplicate": True}
    async with tab(chat, last_number=2) as later:
        assert await later.send(QUESTION, name="m1") == {**first, "duplicate": True}
    async with httpx2.AsyncClient(headers=chat.headers) as client:
        body = {"message": QUESTION, "client_message_id": "m1"}
        sent = await client.post(f"{chat.path}/messages", json=body)
        assert sent.json()["metadata"]["replayed"]
        posted = {"message": QUESTION, "client_message_id": "m2"}
        await client.post(f"{chat.path}/messages", json=posted)
    async with tab(chat) as last:
        duplicate = await last.send(QUESTION, name="m2")
        assert (duplicate["number"], duplicate["duplicate"]) == (3, True)
        assert last.welcome["last_number"] == 4


async def test_what_was_missed_is_told(chat: Chat) -> None:
    """Everything after the last number that the client had, in order, once."""
    async with tab(chat) as one:
        for number in range(5):
            await one.send(f"Question {number}?", name=f"m{number}")
            await one.until("run.finished")
    for last_number in (0, 3, 10):
        async with tab(chat, last_number=last_number) as again:
            assert again.welcome["last_number"] == 10
            await again.say("ping")
            if last_number < 10:
                await again.until("message", lambda told: bool(told["number"] == 10))
            numbers = [told["number"] for told in again.messages()]
            assert numbers == list(range(last_number + 1, 11))


async def test_http_and_sockets_see_the_same(chat: Chat) -> None:
    """What is sent over HTTP streams to tabs, in the same log."""
    async with tab(chat) as one, httpx2.AsyncClient(headers=chat.headers) as client:
        sent = await client.post(f"{chat.path}/messages", json={"message": QUESTION})
        finished = await one.until("run.finished")
        assert finished["number"] == sent.json()["number"]
        assert one.messages()[-1]["content"] == sent.json()["message"]
        log = (await client.get(f"{chat.path}/messages")).json()["messages"]
        told = [{name: m[name] for name in m if name != "type"} for m in one.messages()]
        assert told == log


async def test_messages_are_answered_in_order(chat: Chat) -> None:
    """Sent without waiting, from two tabs, each is answered once; runs do not overlap."""
    async with tab(chat) as one, tab(chat) as other:
        for number in range(10):
            sender = (one, other)[number % 2]
            text = f"Question {number}?"
            await sender.say("message.send", client_message_id=f"m{number}", text=text)
        for reader in (one, other):
            await reader.until("message", lambda told: bool(told["number"] == 20))
            await reader.until("run.finished")
            messages = reader.messages()
            assert [message["number"] for message in messages] == list(range(1, 21))
            asked = [message["id"] for message in messages if message["role"] == "user"]
            assert [message["reply_to"] for message in messages if "reply_to" in message] == asked
            runs = [told["type"] for told in reader.told if told["type"].startswith("run.")]
            assert runs == ["run.started", "run.finished"] * 10


async def test_a_person_is_called(chat: Chat) -> None:
    """Whoever asks for a person is told the ticket, once."""
    async with tab(chat) as one:
        await one.send("I would like to talk to a person, please.", name="m1")
        escalated = await one.until("escalated")
        await one.until("run.finished")
        assert escalated["reasons"]
        assert one.messages()[-1]["ticket_id"] == escalated["ticket_id"]


async def test_a_tab_knows_who_answers(service: Served, chat: Chat) -> None:
    """The agent, until a person does; told to whoever comes, and when it changes."""
    staff = {"kind": "message", "id": "s1", "role": "staff", "name": "Ada", "content": "Hello."}
    items = f"{service.url}/v1/sessions/{chat.session_id}/items"
    async with tab(chat) as one:
        assert await one.until("owner") == {"type": "owner", "kind": "agent", "name": "Assistant"}
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {API_KEY}"}) as client:
            assert (await client.post(items, json={"items": [staff]})).status_code == 200
        ada = {"type": "owner", "kind": "staff", "name": "Ada"}
        assert await one.until("owner") == ada
        assert one.messages()[-1]["name"] == "Ada"
        async with tab(chat) as other:
            assert await other.until("owner") == ada
        await one.send(QUESTION, name="m1")
        assert (await one.until("owner"))["kind"] == "agent"


async def test_ratings_are_there_after_a_reload(chat: Chat) -> None:
    """The visitor's own, with the messages, over a socket and over HTTP."""
    async with tab(chat) as one:
        await one.send(QUESTION, name="m1")
        await one.until("run.finished")
        rated = one.messages()[-1]["id"]
        assert "rating" not in one.messages()[-1]
        for value in ("down", "up"):
            await one.say("feedback", message_id=rated, value=value, reason="none of your business")
            await one.say("ping")
            await one.until("pong")
    async with tab(chat) as again, httpx2.AsyncClient(headers=chat.headers) as client:
        await again.until("message", lambda told: bool(told["id"] == rated))
        listed = (await client.get(f"{chat.path}/messages")).json()["messages"]
        assert [told.get("rating") for told in again.messages()] == [None, "up"]
        assert [told.get("rating") for told in listed] == [None, "up"]
        assert "business" not in str([again.told, listed])


async def test_a_ping_says_until_when_the_conversation_is_there(tmp_path: Path) -> None:
    """With `stay` it lasts longer."""
    async with listening(tmp_path) as (url, _), tab(await begun(url)) as one:
        await one.say("ping")
        first = (await one.until("pong"))["expires_at"]
        await one.say("ping")
        assert (await one.until("pong"))["expires_at"] == first
        await one.say("ping", stay=True)
        assert (await one.until("pong"))["expires_at"] > first


async def test_typing_is_told_to_the_other_tabs(tmp_path: Path) -> None:
    """Not to the one where it is done; closing a tab ends it."""
    with served(tmp_path, "--store", "memory://") as here:
        chat = await begun(here.url)
        async with tab(chat) as one:
            async with tab(chat) as other:
                await other.say("typing", on=True)
                assert (await one.until("typing"))["on"] is True
            assert (await one.until("typing"))["on"] is False
            await one.say("typing", on=True)
            await one.say("ping")
            await one.until("pong")
            assert [told["on"] for told in one.told if told["type"] == "typing"] == [True, False]


@pytest.mark.parametrize(
    "first",
    [
        "{}", "no json", "[]", '{"type": "ping"}', '{"type": "hello"}',
        '{"type": "hello", "session_id": "a b"}', '{"type": "hello", "session_id": "unknown"}',
    ],
)  # fmt: skip
async def test_without_a_proof_nothing_is_told(chat: Chat, first: str) -> None:
    """The first frame must open a conversation."""
    async with connect(chat.address) as opened:
        await opened.send(first)
        assert await ending(opened) == 4401


@pytest.mark.parametrize("said", [{"session_secret": "x" * 43}, {"session_secret": None}])
async def test_the_id_alone_opens_nothing(chat: Chat, said: dict[str, Any]) -> None:
    """Neither does a wrong secret, nor that of another conversation."""
    for hello in (chat.hello(**said), chat.hello(session_secret=(await begun(chat.url)).secret)):
        async with connect(chat.address) as opened:
            await opened.send(json.dumps(hello))
            assert await ending(opened) == 4401


async def test_a_cookie_opens_for_pages_of_the_service(chat: Chat) -> None:
    """For a browser that says which page asks, and for no other."""
    cookie = {"Cookie": f"__Host-hf_chat_0_0={chat.session_id}.{chat.secret}"}
    hello = json.dumps(chat.hello(session_secret=None))
    async with connect(chat.address, additional_headers=cookie, origin=chat.url) as opened:  # type: ignore[arg-type]
        await opened.send(hello)
        assert json.loads(await opened.recv())["type"] == "welcome"
    async with connect(chat.address, additional_headers=cookie) as opened:
        await opened.send(hello)
        assert await ending(opened) == 4401


async def test_a_key_opens_what_there_is(chat: Chat) -> None:
    """Its holder is told which conversation does not exist."""
    for headers, secret in (({"Authorization": f"Bearer {API_KEY}"}, None), ({}, API_KEY)):
        async with connect(chat.address, additional_headers=headers) as opened:
            await opened.send(json.dumps(chat.hello(session_secret=secret)))
            assert json.loads(await opened.recv())["type"] == "welcome"
        async with connect(chat.address, additional_headers=headers) as opened:
            hello = chat.hello(session_secret=secret, session_id="never-issued")
            await opened.send(json.dumps(hello))
            assert await ending(opened) == 4404


async def test_pages_of_other_sites_are_refused(chat: Chat) -> None:
    """Before the connection is accepted; listed ones are let in."""
    for origin in ("https://evil.example", "null"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(chat.address, origin=origin)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
    async with tab(chat, origin="https://shop.example"):
        pass


async def test_the_protocol_has_a_name(chat: Chat) -> None:
    """Whoever offers it is told that it is spoken."""
    async with tab(chat, subprotocols=["other", "holdfast.v1"]) as one:
        assert one.socket.subprotocol == "holdfast.v1"


async def test_frames_that_cannot_be_used_end_it(chat: Chat) -> None:
    """The first are answered and change nothing, the third closes."""
    async with tab(chat) as one:
        for bad in ('{"type": "dance"}', '{"type": "message.send", "text": "x"}'):
            await one.socket.send(bad)
            error = await one.until("error")
            assert (error["code"], error["retryable"]) == ("INVALID_REQUEST", False)
        await one.socket.send("no json")
        assert await ending(one.socket) == 4400


@pytest.mark.parametrize("text", ["", "  \n", "x" * 8001])
async def test_what_is_no_message_is_refused(chat: Chat, text: str) -> None:
    """The socket stays usable, and nothing is stored."""
    async with tab(chat) as one:
        for name in ("m1", "m2", "m3", "m4"):
            await one.say("message.send", client_message_id=name, text=text)
            error = await one.until("error")
            assert (error["code"], error["client_message_id"]) == ("INVALID_REQUEST", name)
        assert (await one.send(QUESTION, name="m5"))["number"] == 1


async def test_a_frame_may_not_be_large(chat: Chat) -> None:
    """Nothing that visitors say needs more than 64 KiB."""
    async with tab(chat) as one:
        await one.socket.send(json.dumps({"type": "ping", "x": "y" * 70_000}))
        assert await ending(one.socket) == 1009


async def test_a_run_that_is_over_cannot_be_stopped(chat: Chat) -> None:
    """It is said so, and nothing changes."""
    async with tab(chat) as one:
        await one.send(QUESTION, name="m1")
        run_id = (await one.until("run.finished"))["run_id"]
        await one.say("run.cancel", run_id=run_id)
        assert (await one.until("error"))["detail"] == "There is no such answer in the making."


async def test_the_end_of_a_session_closes_its_sockets(service: Served, chat: Chat) -> None:
    """Whoever ends it, wherever the sockets are."""
    async with tab(chat) as one, tab(chat) as other:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {API_KEY}"}) as client:
            await client.delete(f"{service.url}/v1/sessions/{chat.session_id}")
        assert [await ending(reader.socket) for reader in (one, other)] == [4409, 4409]


async def test_who_says_nothing_is_given_up(tmp_path: Path) -> None:
    """A ping keeps a socket open."""
    with served(tmp_path, "--store", "memory://", websocket_idle_seconds="0.5") as here:
        async with tab(await begun(here.url)) as one:
            for _ in range(3):
                await asyncio.sleep(0.3)
                await one.say("ping")
                await one.until("pong")
            assert await ending(one.socket) == 4408


async def test_so_much_may_be_said(tmp_path: Path) -> None:
    """Messages beyond the rate are refused, frames without end close, sockets are counted."""
    limits: dict[str, Any] = {
        "rate_limit_requests": "2",
        "rate_limit_seconds": "3600",
        "websocket_connections": "2",
    }
    with served(tmp_path, "--store", "memory://", **limits) as here:
        chat = await begun(here.url)
        async with tab(chat) as one, tab(chat):
            await one.send(QUESTION, name="m1")
            await one.say("message.send", client_message_id="m2", text=QUESTION)
            error = await one.until("error")
            assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
            async with connect(chat.address) as third:
                assert await ending(third) == 4429
            for _ in range(500):
                await one.say("ping")
            assert await ending(one.socket) == 4429


async def test_who_does_not_read_is_given_up_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 1013; what was missed is told to the next socket, and the others were told on."""
    monkeypatch.setattr(frames, "SEND_SECONDS", 0.3)
    long = [{"kind": "message", "id": f"i{n}", "role": "staff", "content": "x" * 30_000}
            for n in range(600)]  # fmt: skip
    async with listening(tmp_path) as (url, app):
        chat = await begun(url)
        store: SessionStore[Any] = app.state.holdfast_store
        async with tab(chat) as quick, tab(chat, sock=narrow(url), max_queue=1) as slow:
            for message in long:
                await store.append(chat.session_id, message)
            await quick.until("message", lambda told: bool(told["number"] == len(long)))
            numbers = [told["number"] for told in quick.messages()]
            assert numbers == list(range(1, len(long) + 1))
            async with asyncio.timeout(20):
                while len(app.state.places) > 1:
                    await asyncio.sleep(0.01)
            assert await ending(slow.socket) == 1013
        async with tab(chat, last_number=len(long) - 3) as again:
            await again.until("message", lambda told: bool(told["number"] == len(long)))
            assert len(again.messages()) == 3
