"""Health, metrics, the page and the root document."""

import asyncio
import time
from pathlib import Path

import httpx2
import pytest

import holdfast
from holdfast.backend import Operation, Outcome
from holdfast.errors import StoreUnavailable
from holdfast.keyring import Keyring
from tests.server.conftest import AUTHORIZED, Opening
from tests.server.test_errors import Failing


def _store(client: httpx2.AsyncClient) -> object:
    return client.app.state.holdfast_store  # type: ignore[attr-defined]


class Frozen(Failing):
    """A store that never answers."""

    async def execute(self, operation: Operation) -> Outcome:
        await asyncio.sleep(3600)
        raise self._error


async def test_a_healthy_service_says_so(client: httpx2.AsyncClient) -> None:
    """Live, ready, and a summary with version and uptime."""
    assert (await client.get("/health/live")).json() == {"status": "ok"}
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert {name: part["status"] for name, part in ready.json()["parts"].items()} == {
        "store": "ok",
        "database": "ok",
        "knowledge": "ok",
    }
    health = (await client.get("/health")).json()
    assert health["version"] == holdfast.__version__
    assert health["uptime_seconds"] >= 0


async def test_a_service_without_its_store_is_alive_and_not_ready(
    client: httpx2.AsyncClient,
) -> None:
    """While the store is out, readiness is 503 and names it; the process still lives."""
    store = _store(client)
    store._backend = Failing(store._backend, StoreUnavailable("It is out"))  # type: ignore[attr-defined]
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["parts"]["store"]["status"]) == (503, "out")
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/health")).json()["status"] == "out"


async def test_a_service_without_its_database_is_alive_and_not_ready(
    opening: Opening, tmp_path: Path
) -> None:
    """Nobody could sign in, and nothing would come onto the trail."""
    async with opening() as client:
        service = client.app.state.service  # type: ignore[attr-defined]
        await service.database._engine.dispose()
        (tmp_path / "data" / "application.db").unlink()
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["parts"]["database"]) == (503, {"status": "out"})
        assert ready.json()["parts"]["store"]["status"] == "ok"
        login = {"username": "anna", "password": "four lamps on a quiet quay"}
        refused = await client.post("/v1/auth/login", json=login)
        assert (refused.status_code, refused.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/health/live")).status_code == 200


async def test_readiness_does_not_wait_for_ever(opening: Opening) -> None:
    """A store that freezes costs the probe its deadline and no more."""
    async with opening(deadline_seconds=0.2) as client:
        store = _store(client)
        store._backend = Frozen(store._backend, StoreUnavailable())  # type: ignore[attr-defined]
        began = time.perf_counter()
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        assert time.perf_counter() - began < 2


async def test_probes_are_shared(client: httpx2.AsyncClient) -> None:
    """Many who ask at about the same time cost the store one probe, and no session is left."""
    await asyncio.gather(*(client.get("/health/ready") for _ in range(20)))
    text = (await client.get("/metrics")).text
    creations = [
        line for line in text.splitlines()
        if line.startswith('session_operations_total{operation="create"')
    ]  # fmt: skip
    # One at the start, one for all who asked.
    assert [line.rpartition(" ")[2] for line in creations] == ["2.0"]
    assert (await client.get("/v1/sessions/count")).json() == {"active_session_count": 0}


async def test_metrics_count_what_the_store_does(client: httpx2.AsyncClient) -> None:
    """Operations, durations, live sessions, waits, breaker and batches are all there."""
    await client.post("/v1/sessions", json={"session_id": "s"})
    await client.get("/v1/sessions/none")
    await client.patch("/v1/sessions/s", json={"add": {"message_count": -1}})
    await client.post("/v1/sessions/s/lease", json={"ttl_seconds": 1, "wait_seconds": 0})
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    name = _store(client).backend.name  # type: ignore[attr-defined]
    for line in (
        # One of them at the start: the anchor of the audit trail is looked for.
        f'session_operations_total{{operation="read",status="absent",store="{name}"}} 2.0',
        f'session_operations_total{{operation="apply",status="refused",store="{name}"}} 1.0',
        f'session_operation_duration_seconds_count{{operation="apply",store="{name}"}} 1.0',
        f'active_sessions{{store="{name}"}} 1.0',
        f'session_lease_wait_seconds_count{{granted="true",store="{name}"}} 1.0',
        f'session_store_breaker_state{{store="{name}"}} 0.0',
    ):
        assert line in response.text, line


async def test_sqlite_shows_its_batches(opening: Opening) -> None:
    """How many callers travelled together stands in the metrics."""
    async with opening(store="sqlite:///batches.db") as client:
        await client.post("/v1/sessions", json={})
        text = (await client.get("/metrics")).text
        assert 'session_store_statistics{figure="write_batches",store="sqlite"}' in text
        assert 'session_store_statistics{figure="retries",store="sqlite"}' in text


async def test_metrics_need_a_key_in_production(opening: Opening) -> None:
    """Figures of a public service are not public; where metrics are off there are none."""
    production = {"environment": "production", "store": "sqlite:///p.db"}
    keys = Keyring.generate().to_text()
    async with opening(headers={}, keys=keys, **production) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=AUTHORIZED)).status_code == 200
    async with opening(metrics=False) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_the_root_is_a_page_for_browsers_and_a_document_for_programs(
    client: httpx2.AsyncClient,
) -> None:
    """`Accept` decides; the document names what runs here and how it is."""
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*"):
        page = await client.get("/", headers={"Accept": accept})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<!doctype html>" in page.text
        assert page.headers["Vary"] == "Accept"
    assert (await client.head("/")).status_code == 200
    document = (await client.get("/", headers={"Accept": "application/json"})).json()
    assert document.keys() == {"name", "version", "store", "health", "features", "stats"}
    assert document["store"] == _store(client).backend.name  # type: ignore[attr-defined]
    assert document["health"]["status"] == "ok"
    assert document["stats"]["active_sessions"] == 0
    assert document["features"]["chat"] is True


async def test_production_keeps_figures_from_strangers(opening: Opening) -> None:
    """The root document of a public service shows no figures without an API key."""
    settings = {"environment": "production", "store": "sqlite:///p.db"}
    json = {"Accept": "application/json"}
    async with opening(headers={}, keys=Keyring.generate().to_text(), **settings) as client:
        assert "stats" not in (await client.get("/", headers=json)).json()
        assert "stats" in (await client.get("/", headers={**json, **AUTHORIZED})).json()


async def test_assets_are_kept_by_browsers_for_ever(client: httpx2.AsyncClient) -> None:
    """Everything that the page asks for is there, typed, and cached by its name."""
    page = (await client.get("/")).text
    names = [part.split('"')[0] for part in page.split('"/static/assets/')[1:]]
    assert names
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
    for name in names:
        response = await client.get(f"/static/assets/{name}")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(types[name[name.rindex(".") :]])
        assert "immutable" in response.headers["Cache-Control"]


@pytest.mark.parametrize("name", ["..%2Findex.html", "%2e%2e/index.html", "../index.html"])
async def test_assets_are_served_by_name_alone(client: httpx2.AsyncClient, name: str) -> None:
    """No path leads out of the page's files."""
    assert (await client.get(f"/static/assets/{name}")).status_code == 404


async def test_the_page_travels_packed(client: httpx2.AsyncClient) -> None:
    """To those who can unpack it, and to nobody else."""
    page = (await client.get("/")).text
    names = [part.split('"')[0] for part in page.split('"/static/assets/')[1:]]
    sizes = [len(page)]
    for name in names:
        path = f"/static/assets/{name}"
        plain = await client.get(path, headers={"Accept-Encoding": "br, gzip;q=0"})
        packed = await client.get(path, headers={"Accept-Encoding": "br, GZIP;q=0.8"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        assert plain.content == packed.content
        sizes.append(int(packed.headers["content-length"]))
    assert sum(sizes) <= 60_000
