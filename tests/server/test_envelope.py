"""What stands around every answer."""

import httpx2
import pytest

from tests.server.conftest import Opening


async def test_every_answer_names_request_instance_and_time(client: httpx2.AsyncClient) -> None:
    """Good answers and bad ones carry the ids, the time they took, and safe headers."""
    instances = set()
    for path in ("/", "/health/live", "/v1/sessions/none", "/nowhere", "/v1/sessions?limit=x"):
        response = await client.get(path)
        assert response.headers["X-Request-ID"]
        assert float(response.headers["X-Process-Time"]) >= 0
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        instances.add(response.headers["X-Instance-ID"])
    assert len(instances) == 1


async def test_a_harmless_request_id_is_kept(client: httpx2.AsyncClient) -> None:
    """The caller's id comes back, in the problem as well; one that could forge a log does not."""
    kept = await client.get("/nowhere", headers={"X-Request-ID": "trace-1.a:b"})
    assert kept.headers["X-Request-ID"] == kept.json()["request_id"] == "trace-1.a:b"
    for bad in ("a b", "x" * 129, '{"level":"error"}', ""):
        response = await client.get("/health/live", headers={"X-Request-ID": bad})
        assert response.headers["X-Request-ID"] not in {bad, ""}


async def test_made_request_ids_differ(client: httpx2.AsyncClient) -> None:
    """No two requests get the same id."""
    made = [(await client.get("/health/live")).headers["X-Request-ID"] for _ in range(20)]
    assert len(set(made)) == 20


async def test_the_log_names_the_route_and_nothing_private(
    client: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A line a request: method, route, status, time; no ids, bodies or secrets."""
    caplog.set_level("INFO")
    await client.post("/v1/sessions", json={"session_id": "private", "metadata": {"pin": "1234"}})
    await client.get("/v1/sessions/private")
    lines = [vars(record) for record in caplog.records if record.name == "holdfast.http"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/sessions", 201),
        ("GET", "/v1/sessions/{session_id}", 200),
    ]
    assert not any(secret in str(line) for line in lines for secret in ("private", "1234"))


async def test_other_origins_are_let_in_by_name_alone(opening: Opening) -> None:
    """CORS is an exact list: no suffixes, no sub-domains, no `null`."""
    async with opening(cors_origins=["https://shop.example"]) as client:

        async def allowed(origin: str) -> str | None:
            response = await client.get("/health/live", headers={"Origin": origin})
            found: str | None = response.headers.get("Access-Control-Allow-Origin")
            return found

        assert await allowed("https://shop.example") == "https://shop.example"
        for origin in (
            "https://shop.example.evil.test",
            "https://evil-shop.example",
            "https://www.shop.example",
            "http://shop.example",
            "null",
        ):
            assert await allowed(origin) is None
        response = await client.get("/health/live", headers={"Origin": "https://shop.example"})
        assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]
        assert "Origin" in response.headers["Vary"]


async def test_strict_transport_is_asked_for_over_https_alone(opening: Opening) -> None:
    """Browsers are told to stay with https where they came by it."""
    async with opening() as client:
        plain = await client.get("http://127.0.0.1/health/live")
        secure = await client.get("https://127.0.0.1/health/live")
    assert "Strict-Transport-Security" not in plain.headers
    assert "Strict-Transport-Security" in secure.headers
