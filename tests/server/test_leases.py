"""Leases over HTTP."""

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest

from holdfast.session import MAX_INTEGER
from tests.server.conftest import AUTHORIZED

PATH = "/v1/sessions/s/lease"


@pytest.fixture(autouse=True)
async def _session(client: httpx2.AsyncClient) -> None:
    await client.post("/v1/sessions", json={"session_id": "s"})


async def _acquire(client: httpx2.AsyncClient, **body: object) -> httpx2.Response:
    return await client.post(PATH, json={"ttl_seconds": 10, "wait_seconds": 0, **body})


async def test_one_caller_holds_the_session(client: httpx2.AsyncClient) -> None:
    """The second caller is told 423 and when to come back; a release lets the next one in."""
    held = (await _acquire(client)).json()
    assert datetime.fromisoformat(held["expires_at"]) > datetime.now(UTC)
    assert 0 < held["fence"] <= MAX_INTEGER
    refused = await _acquire(client)
    assert (refused.status_code, refused.json()["code"]) == (423, "LEASE_UNAVAILABLE")
    assert 1 <= int(refused.headers["Retry-After"]) <= 10
    token = {"lease_token": held["lease_token"]}
    released = await client.request("DELETE", PATH, json=token)
    assert (released.status_code, released.json()) == (200, {"status": "released"})
    assert (await _acquire(client)).json()["fence"] > held["fence"]


async def test_a_waiting_caller_gets_its_turn(client: httpx2.AsyncClient) -> None:
    """Whoever waits is served when the holder gives the session back."""
    held = (await _acquire(client)).json()
    waiting = asyncio.create_task(_acquire(client, wait_seconds=10))
    await asyncio.sleep(0.05)
    await client.request("DELETE", PATH, json={"lease_token": held["lease_token"]})
    assert (await waiting).status_code == 200


async def test_writes_under_a_lease_need_its_token(client: httpx2.AsyncClient) -> None:
    """A change with the token passes while the lease is held, and not after it was stolen."""
    first = (await _acquire(client)).json()
    change = {"set": {"a": 1}, "lease_token": first["lease_token"]}
    assert (await client.patch("/v1/sessions/s", json=change)).status_code == 200
    second = (await _acquire(client, steal=True)).json()
    assert second["fence"] > first["fence"]
    refused = await client.patch("/v1/sessions/s", json=change)
    assert (refused.status_code, refused.json()["code"]) == (409, "LEASE_LOST")


async def test_a_lease_is_renewed_by_its_holder_alone(client: httpx2.AsyncClient) -> None:
    """Renewing moves the end; a token that is not the holder's renews and releases nothing."""
    held = (await _acquire(client)).json()
    renewed = await client.put(PATH, json={"lease_token": held["lease_token"], "ttl_seconds": 100})
    assert renewed.json()["fence"] == held["fence"]
    assert renewed.json()["expires_at"] > held["expires_at"]
    for method in ("PUT", "DELETE"):
        response = await client.request(method, PATH, json={"lease_token": "other"})
        assert (response.status_code, response.json()["code"]) == (409, "LEASE_LOST")


async def test_a_caller_who_hangs_up_gets_no_lease(client: httpx2.AsyncClient) -> None:
    """Whoever disconnects while waiting holds nothing: the next one is served at once."""
    held = (await _acquire(client)).json()
    hung_up = asyncio.Event()
    asked = asyncio.create_task(_ask_by_hand(client, hung_up))
    await asyncio.sleep(0.05)
    hung_up.set()
    async with asyncio.timeout(5):
        await asked
    await client.request("DELETE", PATH, json={"lease_token": held["lease_token"]})
    assert (await _acquire(client, wait_seconds=2)).status_code == 200


async def _ask_by_hand(client: httpx2.AsyncClient, hung_up: asyncio.Event) -> None:
    """Ask for the lease, and disconnect when told to."""
    body = [b'{"ttl_seconds": 300, "wait_seconds": 60}']

    async def receive() -> dict[str, object]:
        if body:
            return {"type": "http.request", "body": body.pop(), "more_body": False}
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(_: object) -> None:
        return

    headers = {**AUTHORIZED, "Content-Type": "application/json", "Host": "127.0.0.1"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
    }
    await client.app(scope, receive, send)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ttl_seconds": 0, "wait_seconds": 1}, "ttl_seconds"),
        ({"ttl_seconds": 5, "wait_seconds": -1}, "wait_seconds"),
        ({"ttl_seconds": 5, "wait_seconds": 10_000}, "wait_seconds"),
    ],
)
async def test_a_lease_has_bounds(client: httpx2.AsyncClient, body: object, field: str) -> None:
    """Times that nobody can wait or hold for are refused by name."""
    response = await client.post(PATH, json=body)
    assert (response.status_code, response.json()["field"]) == (422, field)
