"""Visitors' conversations: secrets, cookies, questions, answers."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from tests.server.conftest import AUTHORIZED, Opening

BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
QUESTION = "How long do I have to send something back?"


async def _begin(chat: httpx2.AsyncClient) -> tuple[str, dict[str, str]]:
    """Begin a conversation; its address, and what opens it."""
    begun = await chat.post("/v1/chat/sessions", json={})
    assert begun.status_code == 201
    body = begun.json()
    path = f"/v1/chat/sessions/{body['session_id']}/messages"
    return path, {"Authorization": f"Bearer {body['session_secret']}"}


async def test_a_question_is_answered_from_the_knowledge_base(chat: httpx2.AsyncClient) -> None:
    """The answer holds every field that the interface names, with its sources."""
    path, secret = await _begin(chat)
    response = await chat.post(path, json={"message": QUESTION}, headers=secret)
    answer = response.json()
    assert response.status_code == 200
    assert answer.keys() >= {
        "message_id", "number", "message", "sources", "requires_escalation", "ticket_id",
        "confidence", "tools_used", "processing_time_ms", "message_count", "session_id",
        "request_id", "metadata",
    }  # fmt: skip
    assert answer["sources"][0].keys() == {"title", "content", "uri", "score", "rank"}
    assert answer["request_id"] == response.headers["X-Request-ID"]
    page = (await chat.get(path, params={"after": 0, "limit": 100}, headers=secret)).json()
    assert page["last_number"] == 2
    assert [(m["number"], m["role"]) for m in page["messages"]] == [(1, "user"), (2, "assistant")]
    assert page["messages"][0]["content"] == QUESTION
    assert page["messages"][1]["content"] == answer["message"]
    assert page["messages"][1]["sources"] == answer["sources"]


async def test_the_id_alone_opens_nothing(chat: httpx2.AsyncClient) -> None:
    """No secret, a wrong one, an unknown id and an expired session are answered alike."""
    path, secret = await _begin(chat)
    _, other = await _begin(chat)
    store = chat.app.state.holdfast_store  # type: ignore[attr-defined]
    plain = await store.create()
    unknown = "/v1/chat/sessions/0123456789abcdef/messages"
    without = f"/v1/chat/sessions/{plain.session_id}/messages"
    answers = []
    calls: list[tuple[str, dict[str, Any]]] = [
        (path, {}),
        (path, other),
        (path, {"Authorization": "Bearer " + "x" * 43}),
        (path, {"Authorization": "Bearer ä".encode()}),
        (unknown, secret),
        (without, secret),
        (without, {"Authorization": "Bearer "}),
    ]
    for address, headers in calls:
        for method in ("GET", "POST"):
            response = await chat.request(
                method, address, json={"message": "hello"}, headers=headers
            )
            problem = response.json()
            answers.append((response.status_code, problem["code"], problem["detail"]))
    assert len(set(answers)) == 1
    assert answers[0][:2] == (401, "UNAUTHENTICATED")
    await store.delete(path.split("/")[4])
    assert (await chat.get(path, headers=secret)).status_code == 401


async def test_a_browser_keeps_the_secret_in_a_cookie(chat: httpx2.AsyncClient) -> None:
    """A page gets no secret to read; its cookie is out of its scripts' reach, and opens."""
    chat.base_url = "https://127.0.0.1"
    begun = await chat.post("/v1/chat/sessions", json={}, headers=BROWSER)
    session_id = begun.json()["session_id"]
    assert begun.json() == {"session_id": session_id}
    cookie = begun.headers["Set-Cookie"]
    assert re.match(rf"__Host-hf_chat_[0-9a-f]{{14}}_[0-9a-f]{{8}}={session_id}\.", cookie)
    for attribute in ("HttpOnly", "SameSite=lax", "Path=/", "Secure"):
        assert attribute in cookie
    assert "Domain" not in cookie
    path = f"/v1/chat/sessions/{session_id}/messages"
    sent = await chat.post(path, json={"message": QUESTION}, headers=BROWSER)
    assert sent.status_code == 200
    assert (await chat.get(path, headers=BROWSER)).json()["last_number"] == 2
    elsewhere = await chat.get("/v1/chat/sessions/other/messages", headers=BROWSER)
    assert elsewhere.status_code == 401


async def test_a_browser_keeps_several_conversations(chat: httpx2.AsyncClient) -> None:
    """Its cookies open the ten that were begun last; ending one leaves the others open."""
    chat.base_url = "https://127.0.0.1"
    begun = [
        (await chat.post("/v1/chat/sessions", json={}, headers=BROWSER)).json()["session_id"]
        for _ in range(11)
    ]

    async def opened() -> list[bool]:
        paths = [f"/v1/chat/sessions/{session_id}/messages" for session_id in begun]
        return [(await chat.get(path, headers=BROWSER)).is_success for path in paths]

    assert await opened() == [False, *[True] * 10]
    await chat.post(f"/v1/chat/sessions/{begun[5]}/end", headers=BROWSER)
    assert await opened() == [False, *[True] * 4, False, *[True] * 5]


async def test_conversations_begun_at_once_are_both_kept(chat: httpx2.AsyncClient) -> None:
    """A begin that knows nothing of another's answer does not write over its cookie."""
    chat.base_url = "https://127.0.0.1"
    begins = [
        chat.build_request("POST", "/v1/chat/sessions", json={}, headers=BROWSER) for _ in range(2)
    ]
    begun = [(await chat.send(begin)).json()["session_id"] for begin in begins]
    paths = [f"/v1/chat/sessions/{session_id}/messages" for session_id in begun]
    assert [(await chat.get(path, headers=BROWSER)).status_code for path in paths] == [200, 200]


async def test_a_cookie_that_a_neighbour_could_have_set_opens_nothing(
    chat: httpx2.AsyncClient,
) -> None:
    """Without the prefix a cookie may come from any page of the same domain."""
    begun = (await chat.post("/v1/chat/sessions", json={})).json()
    value = f"{begun['session_id']}.{begun['session_secret']}"
    path = f"/v1/chat/sessions/{begun['session_id']}/messages"
    for name, status in (("hf_chat_0_0", 401), ("__Host-hf_chat_0_0", 200)):
        headers = {**BROWSER, "Cookie": f"{name}={value}"}
        assert (await chat.get(path, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("url", "guarded"),
    [
        ("https://shop.example", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost:8000", True),
        ("http://[::1]:8000", True),
        ("http://192.168.0.7:8000", False),
    ],
)
async def test_a_cookie_is_secure_wherever_it_can_be(
    chat: httpx2.AsyncClient, url: str, guarded: bool
) -> None:
    """Only over plain http from another machine does development do without."""
    begun = await chat.post(f"{url}/v1/chat/sessions", json={}, headers=BROWSER)
    cookie = begun.headers["Set-Cookie"]
    assert cookie.startswith("__Host-hf_chat_" if guarded else "hf_chat_")
    assert ("Secure" in cookie) is guarded


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_other_sites_cannot_use_the_cookie(
    chat: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    """A page of another site can neither speak in a visitor's name nor begin for them."""
    chat.base_url = "https://127.0.0.1"
    begun = await chat.post("/v1/chat/sessions", json={}, headers=BROWSER)
    path = f"/v1/chat/sessions/{begun.json()['session_id']}/messages"
    sent = await chat.post(path, json={"message": "hello"}, headers=headers)
    assert (sent.status_code, sent.json()["code"]) == (403, "FORBIDDEN")
    begun = await chat.post("/v1/chat/sessions", json={}, headers=headers)
    assert (begun.status_code, begun.json()["code"]) == (403, "FORBIDDEN")


async def test_a_cookie_alone_does_not_write(chat: httpx2.AsyncClient) -> None:
    """A request with a cookie that does not say which page sends it is refused; reading goes."""
    chat.base_url = "https://127.0.0.1"
    begun = await chat.post("/v1/chat/sessions", json={}, headers=BROWSER)
    path = f"/v1/chat/sessions/{begun.json()['session_id']}/messages"
    sent = await chat.post(path, json={"message": "hello"})
    assert (sent.status_code, sent.json()["code"]) == (403, "FORBIDDEN")
    assert (await chat.get(path)).status_code == 200


async def test_a_listed_origin_uses_the_chat(opening: Opening) -> None:
    """Its pages get the secret to send by themselves, and every header that they need."""
    shop = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
    async with opening(headers={}, cors_origins=["https://shop.example"]) as client:
        begun = await client.post("/v1/chat/sessions", json={}, headers=shop)
        assert begun.status_code == 201
        assert "Set-Cookie" not in begun.headers
        assert begun.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        path = f"/v1/chat/sessions/{begun.json()['session_id']}/messages"
        secret = {"Authorization": f"Bearer {begun.json()['session_secret']}"}
        sent = await client.post(path, json={"message": "hello"}, headers={**shop, **secret})
        assert sent.status_code == 200
        asked = "authorization,content-type,idempotency-key,if-match,x-request-id"
        preflight = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        }
        assert (await client.options(path, headers={**shop, **preflight})).status_code == 200
        other = {**shop, "Origin": "https://evil.example"}
        refused = await client.post("/v1/chat/sessions", json={}, headers=other)
        assert refused.status_code == 403


async def test_other_sites_use_up_nothing(opening: Opening) -> None:
    """What is refused for its origin is not counted against the visitor."""
    evil = {"Origin": "https://evil.example"}
    async with opening(headers={}, rate_limit_requests=1, rate_limit_seconds=3600) as client:
        for _ in range(3):
            refused = await client.post("/v1/chat/sessions", json={}, headers=evil)
            assert refused.status_code == 403
        assert (await client.post("/v1/chat/sessions", json={})).status_code == 201


async def test_visitors_keep_little_metadata(chat: httpx2.AsyncClient) -> None:
    """A visitor may have 16 KB kept; a caller with a key has the limit of the store."""
    body = {"metadata": {"a": "x" * 17_000}}
    refused = await chat.post("/v1/chat/sessions", json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, "metadata")
    taken = await chat.post("/v1/chat/sessions", json=body, headers=AUTHORIZED)
    assert taken.status_code == 201
    small = await chat.post("/v1/chat/sessions", json={"metadata": {"a": "x" * 16_000}})
    assert small.status_code == 201
    surrogate = await chat.post(
        "/v1/chat/sessions",
        content=b'{"metadata": {"a": "\\ud800"}}',
        headers={"Content-Type": "application/json"},
    )
    assert surrogate.status_code == 422


async def test_only_a_hash_of_the_secret_is_kept(chat: httpx2.AsyncClient) -> None:
    """Whoever reads the session does not learn what opens it."""
    path, secret = await _begin(chat)
    store = chat.app.state.holdfast_store  # type: ignore[attr-defined]
    session = await store.get(path.split("/")[4])
    assert len(session.secret_hash) == 64
    assert secret["Authorization"].removeprefix("Bearer ") not in str(vars(session))
    shown = await chat.get(f"/v1/sessions/{session.session_id}", headers=AUTHORIZED)
    assert session.secret_hash not in shown.text


async def test_the_user_is_named_by_holders_of_a_key_alone(chat: httpx2.AsyncClient) -> None:
    """A visitor cannot say that they are somebody; a caller with an API key can."""
    refused = await chat.post("/v1/chat/sessions", json={"user_id": "u1"})
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    begun = await chat.post("/v1/chat/sessions", json={"user_id": "u1"}, headers=AUTHORIZED)
    assert begun.status_code == 201
    path = f"/v1/chat/sessions/{begun.json()['session_id']}/messages"
    assert (await chat.get(path, headers=AUTHORIZED)).json() == {"messages": [], "last_number": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"message": ""}, "message"),
        ({"message": "   \n"}, "message"),
        ({"message": "x" * 8001}, "message"),
        ({"message": 7}, "message"),
        ({}, "message"),
        ({"message": "hi", "colour": 1}, "colour"),
        ({"message": "hi", "client_message_id": "x" * 201}, "client_message_id"),
    ],
)
async def test_what_is_no_message_is_refused_in_plain_words(
    chat: httpx2.AsyncClient, body: object, field: str
) -> None:
    """An empty or endless message changes nothing, and the visitor can read why."""
    path, secret = await _begin(chat)
    response = await chat.post(path, json=body, headers=secret)
    assert (response.status_code, response.json()["field"]) == (422, field)
    assert (await chat.get(path, headers=secret)).json()["last_number"] == 0


async def test_the_longest_message_is_taken(chat: httpx2.AsyncClient) -> None:
    """8000 characters are a message."""
    path, secret = await _begin(chat)
    response = await chat.post(path, json={"message": "é" * 8000}, headers=secret)
    assert response.status_code == 200


async def test_a_message_sent_twice_is_answered_once(chat: httpx2.AsyncClient) -> None:
    """The same client_message_id, also at the same time, is stored once and answered alike."""
    path, secret = await _begin(chat)
    body = {"message": QUESTION, "client_message_id": "c-1"}
    answers = await asyncio.gather(*(chat.post(path, json=body, headers=secret) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    assert (await chat.get(path, headers=secret)).json()["last_number"] == 2


async def test_an_idempotency_key_names_a_message(chat: httpx2.AsyncClient) -> None:
    """Without a client_message_id the key says that a message is the same again."""
    path, secret = await _begin(chat)
    headers = {**secret, "Idempotency-Key": "k-1"}
    body = {"message": QUESTION}
    first, again = [await chat.post(path, json=body, headers=headers) for _ in range(2)]
    assert first.json()["message_id"] == again.json()["message_id"]
    assert (await chat.get(path, headers=secret)).json()["last_number"] == 2
    other = {**body, "client_message_id": "c-1"}
    assert (await chat.post(path, json=other, headers=headers)).json()["number"] == 4


async def test_concurrent_messages_are_all_answered(chat: httpx2.AsyncClient) -> None:
    """Messages of one session are answered one after another, none is lost."""
    path, secret = await _begin(chat)
    answers = await asyncio.gather(
        *(chat.post(path, json={"message": f"Question {n}?"}, headers=secret) for n in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    page = (await chat.get(path, headers=secret)).json()
    assert [m["role"] for m in page["messages"]] == ["user", "assistant"] * 10
    assert [m["number"] for m in page["messages"]] == list(range(1, 21))


async def test_a_request_for_a_person_opens_one_ticket(chat: httpx2.AsyncClient) -> None:
    """Asking for a person is understood, once; the ticket stays with the conversation."""
    path, secret = await _begin(chat)
    message = {"message": "I would like to talk to a person, please."}
    first = (await chat.post(path, json=message, headers=secret)).json()
    second = (await chat.post(path, json=message, headers=secret)).json()
    assert first["requires_escalation"]
    assert first["ticket_id"] == second["ticket_id"] is not None
    page = (await chat.get(path, headers=secret)).json()
    assert page["messages"][1]["ticket_id"] == first["ticket_id"]


async def test_too_many_requests_are_told_when_to_come_back(opening: Opening) -> None:
    """Beyond the rate a visitor gets 429 with the time to wait; key holders are not counted."""
    async with opening(headers={}, rate_limit_requests=3, rate_limit_seconds=3600) as client:
        made = [await client.post("/v1/chat/sessions", json={}) for _ in range(5)]
        assert [response.status_code for response in made] == [201, 201, 201, 429, 429]
        left = [response.headers["X-RateLimit-Remaining"] for response in made]
        assert left == ["2", "1", "0", "0", "0"]
        last = made[-1]
        assert last.json()["code"] == "RATE_LIMITED"
        assert 1100 <= int(last.headers["Retry-After"]) <= 1200
        assert last.headers["X-RateLimit-Limit"] == "3"
        assert 3500 <= int(last.headers["X-RateLimit-Reset"]) <= 3600
        with_key = await client.post("/v1/chat/sessions", json={}, headers=AUTHORIZED)
        assert with_key.status_code == 201


async def test_the_rate_is_exact_under_concurrency(opening: Opening) -> None:
    """However many ask at once, exactly as many pass as the rate allows."""
    settings = {"rate_limit_requests": 5, "rate_limit_seconds": 3600}
    async with opening(headers={}, **settings) as client:
        made = await asyncio.gather(*(client.post("/v1/chat/sessions", json={}) for _ in range(50)))
        assert sorted(response.status_code for response in made) == [201] * 5 + [429] * 45


async def test_the_rate_can_be_switched_off(opening: Opening) -> None:
    """Without a rate nobody is counted."""
    settings = {"rate_limit": False, "rate_limit_requests": 1}
    async with opening(headers={}, **settings) as client:
        made = [await client.post("/v1/chat/sessions", json={}) for _ in range(3)]
        assert {response.status_code for response in made} == {201}
        assert "X-RateLimit-Limit" not in made[0].headers
