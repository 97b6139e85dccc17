"""What the systems before this one could not do: any connection and any worker sees a session."""

import asyncio
import stat
import time
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import httpx2
import pytest

from tests.redis_servers import RedisServer
from tests.server.serving import API_KEY, PATIENCE, Served, served

HEADERS = {"Authorization": f"Bearer {API_KEY}"}


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    """What the sessions are in."""
    return str(request.param)


@pytest.fixture(scope="module")
def workers(store: str) -> int:
    return 2 if store == "sqlite" else 4


@pytest.fixture(scope="module")
def service(
    store: str,
    workers: int,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Served]:
    """Several workers on one SQLite file or one Redis; asked to end, they end well."""
    line = ["--workers", str(workers)]
    if store == "redis":
        server: RedisServer = request.getfixturevalue("shared_redis")
        server.ask("FLUSHALL")
        line += ["--store", server.url()]
    with served(tmp_path_factory.mktemp("served"), *line) as service:
        _wait_for_all(service.url, workers)
        yield service
        httpx2.get(f"{service.url}/health/live", headers={"X-Request-ID": "last-words"})
        assert service.stop() == 0
        assert "last-words" in service.log()
        assert "Traceback" not in service.log()


def _wait_for_all(url: str, workers: int) -> None:
    """The first worker answers while the others are still starting."""
    ends = time.monotonic() + PATIENCE
    instances: set[str] = set()
    with ThreadPoolExecutor(8) as threads:
        while len(instances) < workers:
            assert time.monotonic() < ends
            # Several at once, so that one idle worker cannot answer all of them.
            answers = threads.map(httpx2.get, [f"{url}/health/ready"] * 8)
            instances.update(answer.headers["X-Instance-ID"] for answer in answers)


@pytest.fixture
async def client(service: Served) -> AsyncGenerator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=64)
    async with httpx2.AsyncClient(
        base_url=service.url, headers=HEADERS, limits=limits, timeout=60
    ) as client:
        yield client


@pytest.fixture
async def other(service: Served) -> AsyncGenerator[aiohttp.ClientSession]:
    """A client that has nothing in common with the first."""
    async with aiohttp.ClientSession(service.url, headers=HEADERS) as client:
        yield client


def test_workers_share_what_the_parent_made(service: Served) -> None:
    """Key and data folder were there before the workers, for their owner alone."""
    key = service.output.parent / "data" / "holdfast.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert key.read_text().strip() not in service.log()


async def test_a_created_session_is_readable_at_once_by_everybody(
    client: httpx2.AsyncClient, other: aiohttp.ClientSession, workers: int
) -> None:
    """Two unrelated clients on fresh connections, answered by all workers, read what was made."""
    fresh = {"Connection": "close"}

    async def read(path: str) -> str:
        response = await client.get(path, headers=fresh)
        assert (response.status_code, response.json()["metadata"]) == (200, {"a": 1})
        return str(response.headers["X-Instance-ID"])

    async def read_elsewhere(path: str) -> str:
        async with other.get(path, headers=fresh) as response:
            assert (response.status, (await response.json())["metadata"]) == (200, {"a": 1})
            return response.headers["X-Instance-ID"]

    readers: set[str] = set()
    for _ in range(20):
        made = await client.post("/v1/sessions", json={"metadata": {"a": 1}}, headers=fresh)
        path = f"/v1/sessions/{made.json()['session_id']}"
        # Several at once, so that one idle worker cannot answer all of them.
        reading = (turn(path) for _ in range(8) for turn in (read, read_elsewhere))
        readers.update(await asyncio.gather(*reading))
    assert len(readers) == workers


@pytest.mark.parametrize("in_flight", [5, 10, 50])
async def test_rapid_use_never_fails(client: httpx2.AsyncClient, in_flight: int) -> None:
    """Create, use and delete in quick succession: every single request succeeds."""

    async def live() -> list[int]:
        made = await client.post("/v1/sessions", json={})
        path = f"/v1/sessions/{made.json()['session_id']}"
        answers = [
            made,
            await client.patch(path, json={"set": {"a": 1}, "add": {"message_count": 1}}),
            await client.post(f"{path}/items", json={"items": ["x"]}),
            await client.get(path),
            await client.get(f"{path}/items"),
            await client.delete(path),
        ]
        return [answer.status_code for answer in answers]

    done = await asyncio.gather(*(live() for _ in range(in_flight)))
    assert done == [[201, 200, 200, 200, 200, 200]] * in_flight


async def test_increments_through_all_workers_are_exact(
    client: httpx2.AsyncClient, other: aiohttp.ClientSession
) -> None:
    """A hundred increments at once, half of them by each client, return 1 to 100."""
    made = await client.post("/v1/sessions", json={})
    path = f"/v1/sessions/{made.json()['session_id']}"
    body = {"add": {"message_count": 1}}

    async def one() -> int:
        return int((await client.patch(path, json=body)).json()["counters"]["message_count"])

    async def another() -> int:
        async with other.patch(path, json=body) as response:
            return int((await response.json())["counters"]["message_count"])

    counts = await asyncio.gather(*(turn() for _ in range(50) for turn in (one, another)))
    assert sorted(counts) == list(range(1, 101))


async def test_one_repeated_request_is_applied_once_by_any_worker(
    client: httpx2.AsyncClient,
) -> None:
    """The same Idempotency-Key, at once and at whichever worker, appends once."""
    made = await client.post("/v1/sessions", json={})
    path = f"/v1/sessions/{made.json()['session_id']}/items"
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(
        *(client.post(path, json={"items": ["x"]}, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert (await client.get(path)).json()["last_item"] == 1


async def test_a_conversation_goes_on_with_any_worker(
    client: httpx2.AsyncClient, other: aiohttp.ClientSession
) -> None:
    """Two unrelated clients with the secret take turns; each turn knows all before it."""
    begun = (await client.post("/v1/chat/sessions", json={})).json()
    path = f"/v1/chat/sessions/{begun['session_id']}/messages"
    headers = {"Authorization": f"Bearer {begun['session_secret']}", "Connection": "close"}

    async def say(number: int) -> int:
        body = {"message": f"Hello, this is message {number}."}
        if number % 2:
            async with other.post(path, json=body, headers=headers) as answer:
                return int((await answer.json())["message_count"])
        response = await client.post(path, json=body, headers=headers)
        return int(response.json()["message_count"])

    assert [await say(number) for number in range(6)] == list(range(1, 7))
    together = await asyncio.gather(*(say(number) for number in range(6, 12)))
    assert sorted(together) == list(range(7, 13))
    read = (await client.get(path, headers=headers)).json()
    assert [message["number"] for message in read["messages"]] == list(range(1, 25))
    assert [message["role"] for message in read["messages"]] == ["user", "assistant"] * 12


async def test_figures_of_all_workers_are_added_up(client: httpx2.AsyncClient, store: str) -> None:
    """Whichever worker is asked for metrics, the answer holds what all have done."""

    async def created() -> float:
        text = (await client.get("/metrics", headers={"Connection": "close"})).text
        line = f'session_operations_total{{operation="create",status="ok",store="{store}"}} '
        return sum(float(found[len(line) :]) for found in text.splitlines() if line in found)

    before = await created()
    for _ in range(20):
        await client.post("/v1/sessions", json={}, headers={"Connection": "close"})
    assert await created() == before + 20
