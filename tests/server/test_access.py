"""Who may use the sessions' interface."""

import httpx2
import pytest

from holdfast.keyring import Keyring
from tests.server.conftest import Opening
from tests.server.serving import API_KEY

CALLS = [
    ("POST", "/v1/sessions"),
    ("GET", "/v1/sessions"),
    ("GET", "/v1/sessions/count"),
    ("GET", "/v1/sessions/s"),
    ("GET", "/v1/sessions/s/exists"),
    ("PATCH", "/v1/sessions/s"),
    ("POST", "/v1/sessions/s/extend"),
    ("POST", "/v1/sessions/s/touch"),
    ("DELETE", "/v1/sessions/s"),
    ("POST", "/v1/sessions/s/items"),
    ("GET", "/v1/sessions/s/items"),
    ("DELETE", "/v1/sessions/s/items"),
    ("POST", "/v1/sessions/s/lease"),
    ("PUT", "/v1/sessions/s/lease"),
    ("DELETE", "/v1/sessions/s/lease"),
]
WRONG = [None, "Bearer", "Bearer wrong", "Basic " + API_KEY, f"Bearer {API_KEY}x", "Bearer ä"]


@pytest.mark.parametrize("header", WRONG)
async def test_without_a_key_nothing_is_answered(opening: Opening, header: str | None) -> None:
    """Every call of the interface needs the key, and says so alike."""
    headers = {} if header is None else {"Authorization": header.encode()}
    async with opening(headers={}) as client:
        for method, path in CALLS:
            response = await client.request(method, path, headers=headers)  # type: ignore[arg-type]
            assert (response.status_code, response.json()["code"]) == (401, "UNAUTHENTICATED")
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_each_of_several_keys_opens(opening: Opening) -> None:
    """A deployment may have several keys; characters beyond ASCII are compared as bytes."""
    async with opening(headers={}, api_keys=["first", "zweiter-schlüssel"]) as client:
        for key in ("first", "zweiter-schlüssel"):
            headers = {"Authorization": f"Bearer {key}".encode()}
            response = await client.get("/v1/sessions/count", headers=headers)  # type: ignore[arg-type]
            assert response.status_code == 200


async def test_a_development_service_without_keys_stays_closed(opening: Opening) -> None:
    """No API keys means that nobody has one, not that nobody needs one."""
    async with opening(api_keys=[]) as client:
        assert (await client.get("/v1/sessions/count")).status_code == 401


async def test_off_means_open(opening: Opening) -> None:
    """With access off everybody on this machine may do everything."""
    async with opening(headers={}, auth="off", api_keys=[]) as client:
        assert (await client.post("/v1/sessions", json={})).status_code == 201


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "localhost", "LOCALHOST:1"])
async def test_off_answers_to_the_names_of_this_machine(opening: Opening, host: str) -> None:
    """Each way to name this machine reaches it."""
    async with opening(headers={}, auth="off", api_keys=[]) as client:
        answer = await client.get("/v1/sessions/count", headers={"Host": host})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8000"},
        {"Host": "[half"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
    ],
)
async def test_off_is_closed_to_other_sites(opening: Opening, headers: dict[str, str]) -> None:
    """A page elsewhere can neither give this machine its own name nor write across sites."""
    async with opening(headers={}, auth="off", api_keys=[]) as client:
        answer = await client.post("/v1/sessions", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
        assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(("address", "status"), [("203.0.113.9", 403), ("::1", 200)])
async def test_off_is_closed_to_other_machines(opening: Opening, address: str, status: int) -> None:
    """Whatever name they call it by: one's own server may listen where it should not."""
    async with opening(headers={}, auth="off", api_keys=[]) as client:
        app = client.app  # type: ignore[attr-defined]
        elsewhere = httpx2.ASGITransport(app, client=(address, 50_000))
        async with httpx2.AsyncClient(transport=elsewhere, base_url="http://127.0.0.1") as other:
            assert (await other.get("/v1/sessions/count")).status_code == status


async def test_the_interface_is_documented_in_development(
    client: httpx2.AsyncClient, opening: Opening
) -> None:
    """/docs and /openapi.json are there in development, and in production when asked for."""
    assert "/v1/sessions/{session_id}" in (await client.get("/openapi.json")).json()["paths"]
    page = await client.get("/docs")
    assert page.status_code == 200
    policy = page.headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    production = {
        "environment": "production",
        "store": "sqlite:///p.db",
        "keys": Keyring.generate().to_text(),
    }
    for docs, status in ((None, 404), (True, 200)):
        async with opening(**production, docs=docs) as closed:
            assert (await closed.get("/docs")).status_code == status
            assert (await closed.get("/openapi.json")).status_code == status
