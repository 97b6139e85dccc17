"""Following, judging, handing over, keeping and ending a conversation over HTTP."""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx2
import pytest

from tests.server.serving import API_KEY, Served, served
from tests.server.talking import SOON, Chat, begun, ending, tab

QUESTION = "How long does delivery take?"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with served(folder, "--workers", "2", rate_limit="false") as service:
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log()


@pytest.fixture
async def chat(service: Served) -> Chat:
    return await begun(service.url)


@pytest.fixture
async def client(chat: Chat) -> AsyncGenerator[httpx2.AsyncClient]:
    base = f"{chat.path}/"
    async with httpx2.AsyncClient(base_url=base, headers=chat.headers, timeout=60) as client:
        yield client


async def say(client: httpx2.AsyncClient, text: str) -> dict[str, Any]:
    answer = await client.post("messages", json={"message": text})
    assert answer.status_code == 200
    return dict(answer.json())


@asynccontextmanager
async def following(
    client: httpx2.AsyncClient, **options: Any
) -> AsyncGenerator[AsyncGenerator[dict[str, Any]]]:
    """Read a stream's events: the frame of each, its name and its id."""
    async with client.stream("GET", "stream", **options) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        yield _events(stream)


async def _events(stream: httpx2.Response) -> AsyncGenerator[dict[str, Any]]:
    fields: dict[str, str] = {}
    async for line in stream.aiter_lines():
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            frame = json.loads(fields["data"])
            assert frame["type"] == fields["event"]
            yield {**frame, "event_id": fields.get("id")}
            fields = {}


async def until(events: AsyncGenerator[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    told = []
    async with asyncio.timeout(SOON):
        async for event in events:
            told.append(event)
            if event["type"] == kind:
                return told
    raise AssertionError(f"It ended after {told}")


async def test_a_conversation_can_be_followed(client: httpx2.AsyncClient) -> None:
    """The frames of the socket as events; messages have their numbers as ids."""
    async with following(client) as events:
        assert (await until(events, "welcome"))[0]["last_number"] == 0
        await say(client, QUESTION)
        told = await until(events, "run.finished")
    kinds = [event["type"] for event in told]
    assert [kind for kind in kinds if kind not in {"status", "owner"}] == [
        "message", "run.started", "delta", "message", "run.finished",
    ]  # fmt: skip
    assert [event["event_id"] for event in told if event["type"] == "message"] == ["1", "2"]


async def test_a_stream_goes_on_where_it_was_cut(client: httpx2.AsyncClient) -> None:
    """From `Last-Event-ID`, or from a number in the address."""
    for _ in range(2):
        await say(client, QUESTION)
    for options in ({"headers": {"Last-Event-ID": "3"}}, {"params": {"after": 3}}):
        async with following(client, **options) as events:
            assert (await until(events, "message"))[-1]["number"] == 4
    for beyond in ("9" * 16, "9" * 5000):
        headers = {"Last-Event-ID": beyond}
        async with following(client, headers=headers, params={"after": 3}) as events:
            assert (await until(events, "message"))[-1]["number"] == 4
    refused = await client.get("stream", headers={"Last-Event-ID": "x"})
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_REQUEST")


async def test_nobody_follows_without_the_secret(chat: Chat) -> None:
    """Nor does anything else with a conversation."""
    async with httpx2.AsyncClient(base_url=f"{chat.path}/") as stranger:
        for method, path in (
            ("GET", "stream"), ("GET", "transcript"), ("POST", "escalate"), ("POST", "end"),
            ("POST", "feedback"),
        ):  # fmt: skip
            body = {"message_id": "x", "value": "up"} if path == "feedback" else None
            assert (await stranger.request(method, path, json=body)).status_code == 401


async def test_nobody_stops_an_answer_without_the_secret(chat: Chat) -> None:
    """The id alone stops nothing, a page of another site does not, and no run is invented."""
    async with httpx2.AsyncClient(base_url=f"{chat.path}/", timeout=60) as stranger:
        assert (await stranger.post("stop")).status_code == 401
        away = {**chat.headers, "Origin": "https://elsewhere.invalid"}
        assert (await stranger.post("stop", headers=away)).status_code == 403
        named = await stranger.post("stop", json={"run_id": ""}, headers=chat.headers)
        assert named.status_code == 422
        unknown = await stranger.post("stop", json={"run": "r1"}, headers=chat.headers)
        assert unknown.status_code == 422


async def test_a_person_is_called_once(chat: Chat, client: httpx2.AsyncClient) -> None:
    """However often, and from wherever, it is one ticket and one message to the visitor."""
    async with tab(chat) as one:
        asked = await asyncio.gather(*(client.post("escalate") for _ in range(5)))
        assert {answer.status_code for answer in asked} == {200}
        assert len({answer.json()["ticket_id"] for answer in asked}) == 1
        assert (await one.until("escalated"))["ticket_id"] == asked[0].json()["ticket_id"]
    again = await client.post("escalate", json={"reason": "It is about my invoice."})
    assert again.json() == asked[0].json()
    assert (await client.get("messages")).json()["last_number"] == 2


async def test_a_person_is_called_in_the_language_of_the_conversation(
    client: httpx2.AsyncClient,
) -> None:
    """Who has written German reads German."""
    await say(client, "Wie lange dauert die Lieferung?")
    assert (await client.post("escalate")).status_code == 200
    asked, told = (await client.get("messages")).json()["messages"][-2:]
    assert asked["content"] == "Ich möchte bitte mit einem Menschen sprechen."
    assert told["content"].startswith("Ich habe dieses Gespräch an einen Menschen")


async def test_a_reason_reaches_the_person(service: Served, client: httpx2.AsyncClient) -> None:
    """It is what the visitor said."""
    answer = await client.post("escalate", json={"reason": "It is about my invoice."})
    assert answer.json()["ticket_id"]
    first = (await client.get("messages")).json()["messages"][0]
    assert first["content"].endswith("It is about my invoice.")


async def test_an_answer_is_judged(chat: Chat, client: httpx2.AsyncClient) -> None:
    """Over HTTP and over a socket; only answers of this conversation."""
    answer = await say(client, QUESTION)
    given = {"message_id": answer["message_id"], "value": "up", "reason": "It helped."}
    kept = await client.post("feedback", json=given)
    assert (kept.status_code, kept.json()) == (200, given)
    async with tab(chat) as one:
        await one.say("feedback", message_id=answer["message_id"], value="down")
        await one.say("feedback", message_id="unknown", value="down")
        assert (await one.until("error"))["code"] == "INVALID_REQUEST"
    question = answer["metadata"]["user_message_id"]
    for body in (
        {"message_id": question, "value": "up"},
        {"message_id": answer["message_id"], "value": "great"},
        {"message_id": answer["message_id"], "value": "up", "reason": "x" * 2001},
    ):
        assert (await client.post("feedback", json=body)).status_code == 422


async def test_a_transcript_is_whole(client: httpx2.AsyncClient) -> None:
    """As JSON, and to be read."""
    answer = await say(client, QUESTION)
    whole = (await client.get("transcript")).json()
    assert whole["messages"] == (await client.get("messages")).json()["messages"]
    written = await client.get("transcript", params={"format": "markdown"})
    assert written.headers["content-type"].startswith("text/markdown")
    assert "attachment" in written.headers["content-disposition"]
    assert QUESTION in written.text
    assert answer["message"] in written.text
    assert (await client.get("transcript", params={"format": "pdf"})).status_code == 422


async def test_an_ended_conversation_is_forgotten(
    service: Served, chat: Chat, client: httpx2.AsyncClient
) -> None:
    """Its tabs are told, its secret opens nothing, nothing is left."""
    await say(client, QUESTION)
    async with tab(chat) as one, following(client) as events:
        ended = await client.post("end")
        assert (ended.status_code, ended.json()["status"]) == (200, "ended")
        assert await ending(one.socket) == 4409
        async with asyncio.timeout(SOON):
            assert [event async for event in events][-1]["type"] != "error"
    assert (await client.get("messages")).status_code == 401
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {API_KEY}"}) as keeper:
        left = await keeper.get(f"{service.url}/v1/sessions/{chat.session_id}")
        assert left.status_code == 404


async def test_what_a_person_has_to_answer_is_kept(
    service: Served, chat: Chat, client: httpx2.AsyncClient
) -> None:
    """The visitor who ended it reads it no more, wherever they read."""
    await client.post("escalate")
    async with tab(chat) as one:
        assert (await client.post("end")).status_code == 200
        assert await ending(one.socket) == 4409
    assert (await client.get("messages")).status_code == 401
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {API_KEY}"}) as keeper:
        left = await keeper.get(f"{service.url}/v1/sessions/{chat.session_id}")
        assert left.json()["escalated"]


async def test_streams_end_with_the_service(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A stop does not wait for those who follow."""
    folder = tmp_path_factory.mktemp("stopping")
    with served(folder) as here:
        chat = await begun(here.url)
        base = f"{chat.path}/"
        async with (
            httpx2.AsyncClient(base_url=base, headers=chat.headers) as client,
            following(client) as events,
        ):
            await until(events, "owner")
            here.process.terminate()
            async with asyncio.timeout(SOON):
                assert [event async for event in events] == []
        assert await asyncio.to_thread(here.stop) == 0


async def test_a_conversation_that_is_touched_lasts(
    service: Served, chat: Chat, client: httpx2.AsyncClient
) -> None:
    """Its end moves as if something had been said, and is told; a stranger cannot move it."""
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {API_KEY}"}) as keeper:
        path = f"{service.url}/v1/sessions/{chat.session_id}"
        before = (await keeper.get(path)).json()["expires_at"]
        touched = (await client.post("touch")).json()
        assert touched == {"session_id": chat.session_id, "expires_at": touched["expires_at"]}
        assert datetime.fromisoformat(touched["expires_at"]) > datetime.fromisoformat(before)
        assert (await keeper.get(path)).json()["expires_at"] == touched["expires_at"]
    async with httpx2.AsyncClient() as stranger:
        assert (await stranger.post(f"{chat.path}/touch")).status_code == 401
