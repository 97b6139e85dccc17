"""Budgets of sessions over HTTP."""

import asyncio
import logging
from typing import Any

import httpx2
import pytest

from holdfast.server import Settings
from holdfast.server.settings import InvalidSettings
from holdfast.support import Price
from tests.server.conftest import Opening
from tests.server.provider import provider

BUDGET = "/v1/sessions/s/budget"
UNTOUCHED = {"limit": 100, "spent": 0, "reserved": 0, "remaining": 100, "items": []}


async def _create(client: httpx2.AsyncClient, **body: Any) -> None:
    response = await client.post("/v1/sessions", json={"session_id": "s", **body})
    assert response.status_code == 201, response.text


async def _post(client: httpx2.AsyncClient, what: str, **body: Any) -> httpx2.Response:
    return await client.post(f"{BUDGET}/{what}", json=body)


def _bought(category: str, item: str | None, amount: int, times: int) -> dict[str, Any]:
    return {"category": category, "item": item, "amount": amount, "times": times}


async def test_a_budget_is_reserved_from_settled_and_released(client: httpx2.AsyncClient) -> None:
    """Each answer shows the budget as it is then."""
    await _create(client, budget_limit=100)
    assert (await client.get(BUDGET)).json() == UNTOUCHED
    made = await _post(client, "reserve", amount=60, category="drinks", item="tea")
    assert made.status_code == 201
    body = made.json()
    first = body.pop("reservation_id")
    assert body.pop("expires_at").endswith("Z")
    assert body == {**UNTOUCHED, "reserved": 60, "remaining": 40}
    settled = await _post(client, "settle", reservation_id=first, amount=25)
    assert settled.status_code == 200
    items = [_bought("drinks", "tea", 25, 1)]
    assert settled.json() == {**UNTOUCHED, "spent": 25, "remaining": 75, "items": items}
    second = (await _post(client, "reserve", amount=75)).json()["reservation_id"]
    released = await _post(client, "release", reservation_id=second)
    assert released.json() == settled.json() == (await client.get(BUDGET)).json()
    spent = await _post(client, "spend", amount=75)
    assert spent.status_code == 200
    assert spent.json()["items"] == [*items, _bought("other", None, 75, 1)]
    assert spent.json()["remaining"] == 0


async def test_what_does_not_fit_is_answered_402(client: httpx2.AsyncClient) -> None:
    """With what was spent and what may be."""
    await _create(client, budget_limit=100)
    await _post(client, "spend", amount=90)
    for what in ("spend", "reserve"):
        refused = await _post(client, what, amount=11)
        body = refused.json()
        assert (refused.status_code, body["code"]) == (402, "BUDGET_EXCEEDED")
        assert (body["session_id"], body["value"], body["limit"]) == ("s", 90, 100)
    assert (await client.get(BUDGET)).json()["spent"] == 90


async def test_a_limit_is_set_and_lifted(client: httpx2.AsyncClient) -> None:
    """Without one everything is counted and nothing refused."""
    await _create(client)
    free = (await _post(client, "spend", amount=10**9)).json()
    assert (free["limit"], free["remaining"], free["spent"]) == (None, None, 10**9)
    for limit, remaining in ((5, 0), (10**9 + 1, 1), (None, None)):
        changed = await client.put(BUDGET, json={"limit": limit})
        assert changed.status_code == 200
        assert (changed.json()["limit"], changed.json()["remaining"]) == (limit, remaining)


async def test_what_is_no_amount_is_answered_422(client: httpx2.AsyncClient) -> None:
    """Nothing is counted; an amount is a whole number from 0 to 2**53 - 1."""
    await _create(client, budget_limit=100)
    wrong: list[Any] = [-1, 2**53, 1.0, 1.5, True, "1", [], 10**40]
    for amount in wrong:
        answers = [
            await _post(client, "reserve", amount=amount),
            await _post(client, "spend", amount=amount),
            await _post(client, "settle", reservation_id="r", amount=amount),
            await client.post("/v1/sessions", json={"budget_limit": amount}),
            await client.put(BUDGET, json={"limit": amount}),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    headers = {"Content-Type": "application/json"}
    nan = await client.post(f"{BUDGET}/spend", content='{"amount": NaN}', headers=headers)
    assert nan.status_code == 422
    assert (await client.get(BUDGET)).json() == UNTOUCHED


async def test_other_bodies_are_answered_422(client: httpx2.AsyncClient) -> None:
    """Unknown names, names that are missing, a category that is no word."""
    await _create(client)
    bodies = [{}, {"amount": 1, "currency": "EUR"}, {"amount": 1, "category": "a b"}]
    bodies += [{"amount": 1, "item": ""}, {"amount": 1, "item": "x" * 256}]
    for body in bodies:
        assert (await _post(client, "spend", **body)).status_code == 422
    assert (await client.put(BUDGET, json={})).status_code == 422


async def test_there_is_no_budget_without_a_session(client: httpx2.AsyncClient) -> None:
    """A session that was never created, or is deleted, is 404; a new one begins anew."""
    assert (await client.get(BUDGET)).json()["code"] == "SESSION_NOT_FOUND"
    await _create(client)
    await _post(client, "spend", amount=5)
    await client.delete("/v1/sessions/s")
    assert (await _post(client, "spend", amount=5)).status_code == 404
    await _create(client)
    assert (await client.get(BUDGET)).json()["spent"] == 0


async def test_a_reservation_that_is_not_there_is_answered_404(client: httpx2.AsyncClient) -> None:
    """It was never made, or is another session's."""
    await _create(client)
    made = (await _post(client, "reserve", amount=5)).json()["reservation_id"]
    await client.post("/v1/sessions", json={"session_id": "t"})
    for session_id, name in (("s", "never"), ("t", made), ("s", "a b/c.d")):
        for what, more in (("settle", {"amount": 1}), ("release", {})):
            url = f"/v1/sessions/{session_id}/budget/{what}"
            answer = await client.post(url, json={"reservation_id": name, **more})
            assert (answer.status_code, answer.json()["code"]) == (404, "RESERVATION_NOT_FOUND")


async def test_requests_can_be_repeated(client: httpx2.AsyncClient) -> None:
    """Under one Idempotency-Key something is reserved or spent once."""
    await _create(client, budget_limit=100)
    headers = {"Idempotency-Key": "k"}
    made = [
        await client.post(f"{BUDGET}/reserve", json={"amount": 10}, headers=headers)
        for _ in range(2)
    ]
    assert made[0].json() == made[1].json()
    for _ in range(2):
        await client.post(f"{BUDGET}/spend", json={"amount": 20}, headers=headers)
    name = made[0].json()["reservation_id"]
    for _ in range(2):
        settled = await _post(client, "settle", reservation_id=name, amount=3)
        assert (settled.json()["spent"], settled.json()["reserved"]) == (23, 0)
    other = await _post(client, "settle", reservation_id=name, amount=4)
    assert (other.status_code, other.json()["field"]) == (422, "amount")


async def test_many_requests_at_once_spend_what_there_is(client: httpx2.AsyncClient) -> None:
    """Of fifty who want ten each of a hundred, ten get it."""
    await _create(client, budget_limit=100)
    answers = await asyncio.gather(*(_post(client, "spend", amount=10) for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [402] * 40
    assert (await client.get(BUDGET)).json()["spent"] == 100


async def test_a_budget_is_for_trusted_callers(client: httpx2.AsyncClient) -> None:
    """Nobody else sees or moves it."""
    await _create(client)
    del client.headers["Authorization"]
    calls = [client.get(BUDGET), client.put(BUDGET, json={"limit": 1})]
    calls += [_post(client, what, amount=1) for what in ("reserve", "settle", "release", "spend")]
    assert {(await call).status_code for call in calls} == {401}


async def _say(client: httpx2.AsyncClient) -> httpx2.Response:
    return await client.post("/v1/chat/sessions/s/messages", json={"message": "Hello?"})


async def test_the_local_engine_is_free(opening: Opening) -> None:
    """It answers without money, and says how the session stands."""
    async with opening(budget_session=0, budget_request=0) as client:
        await _create(client)
        answer = await _say(client)
        assert answer.status_code == 200
        told = answer.json()["metadata"]
        assert (told["cost"], told["budget_remaining"], told["items"]) == (0, 0, [])


async def test_what_all_sessions_may_cost_is_not_told(opening: Opening) -> None:
    """Where it is used up no model is asked, and the answer names no figures."""
    with provider() as model:
        paid = {"prices": "fake-1=0/1000", "ai_max_tokens": 3, "budget_day": 3}
        async with opening(**model.settings, **paid, rate_limit=False) as client:
            await _create(client)
            first, second = [await _say(client) for _ in range(2)]
        assert (first.status_code, first.json()["metadata"]["cost"]) == (200, 3)
        assert first.json()["metadata"]["budget_remaining"] is None
        assert (second.status_code, second.json()["code"]) == (503, "ANSWER_UNAVAILABLE")
        assert not second.json().keys() & {"value", "limit"}
        assert model.asked == 1


async def test_what_one_message_may_cost_is_held(opening: Opening) -> None:
    """A message whose longest answer would cost more is answered 402."""
    with provider() as model:
        paid = {"prices": "fake-1=0/1000", "ai_max_tokens": 3, "budget_request": 2}
        async with opening(**model.settings, **paid) as client:
            await _create(client)
            refused = await _say(client)
        assert (refused.status_code, refused.json()["session_id"]) == (402, "request")
        assert model.asked == 0


async def test_what_is_done_with_a_budget_is_on_the_trail(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Each step, and what did not fit; the session by its pseudonym alone."""
    caplog.set_level(logging.INFO)
    await _create(client, budget_limit=100)
    await client.put(BUDGET, json={"limit": 50})
    first, second = [
        (await _post(client, "reserve", amount=20)).json()["reservation_id"] for _ in range(2)
    ]
    await _post(client, "settle", reservation_id=first, amount=5)
    await _post(client, "release", reservation_id=second)
    await _post(client, "spend", amount=46)
    told = [record for record in caplog.records if record.msg.startswith("budget.")]
    names = ["changed", "reserved", "reserved", "settled", "released", "exceeded"]
    assert [record.msg for record in told] == [f"budget.{name}" for name in names]
    refused = vars(told[-1])
    assert (refused["outcome"], refused["facts.amount"], refused["facts.spent"]) == (
        "refused",
        46,
        5,
    )
    assert refused["session"] != "s"


async def test_a_limit_of_the_operator_holds_where_there_is_no_other(opening: Opening) -> None:
    """A session may be given another one at its creation, and later."""
    async with opening(budget_session=50) as client:
        await _create(client)
        assert (await client.get(BUDGET)).json()["limit"] == 50
        await client.post("/v1/sessions", json={"session_id": "t", "budget_limit": 0})
        assert (await client.get("/v1/sessions/t/budget")).json()["limit"] == 0
        assert (await client.put(BUDGET, json={"limit": None})).json()["limit"] is None


@pytest.mark.parametrize(
    "text",
    [
        "small=150/600, large = 2500 / 10000",
        '{"small": {"input": 150, "output": 600}, "large": {"input": 2500, "output": 10000}}',
        '{"small": "150/600", "large": "2500/10000"}',
    ],
)
def test_prices_are_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pairs, or as JSON."""
    monkeypatch.setenv("HOLDFAST_PRICES", text)
    expected = {"small": Price(150, 600), "large": Price(2500, 10_000)}
    assert Settings.load().prices == expected
    assert [expected["small"].cost(*used) for used in ((0, 0), (1, 0), (1000, 1000))] == [0, 1, 750]


@pytest.mark.parametrize(
    "text",
    [
        "small", "small=1", "small=1/2/3", "small=-1/2", "small=1.5/2", "small=NaN/2", "small=a/b",
        "small=10000000000/1", '{"small": {"input": 1}}', '{"small": {"input": true, "output": 1}}',
        '{"small": {"input": 1, "output": 2, "cached": 1}}', '{"small": 5}', "{",
    ],
)  # fmt: skip
def test_what_is_no_price_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says which setting it is."""
    monkeypatch.setenv("HOLDFAST_PRICES", text)
    with pytest.raises(InvalidSettings, match="HOLDFAST_PRICES"):
        Settings.load()


def test_a_limit_needs_the_price_of_the_model() -> None:
    """Without it the service does not start; the local engine is free."""
    model = {"ai_provider": "openai", "ai_api_key": "sk-1", "ai_model": "small"}
    for limit in ("budget_request", "budget_session", "budget_user_day", "budget_day"):
        with pytest.raises(InvalidSettings, match="HOLDFAST_PRICES"):
            Settings.load(**model, **{limit: 5})
        Settings.load(**model, **{limit: 5}, prices="small=1/2")
        Settings.load(**{limit: 5})
    Settings.load(**model)


def test_a_reservation_outlives_the_call_that_it_is_for() -> None:
    """What it holds would be spent again while the model still answers."""
    times = {"ai_timeout_seconds": 60, "budget_reservation_seconds": 60}
    model = {"ai_provider": "openai", "ai_api_key": "sk-1", "ai_model": "small"}
    with pytest.raises(InvalidSettings, match="HOLDFAST_BUDGET_RESERVATION_SECONDS"):
        Settings.load(**model, **times)
    Settings.load(**model, **times | {"budget_reservation_seconds": 61})
    Settings.load(**times)
