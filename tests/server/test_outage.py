"""Redis goes away under a service and comes back: callers are told so, and nothing else."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.redis_servers import ALWAYS, RedisServer, running
from tests.server.serving import API_KEY, PATIENCE, Served, served

pytestmark = pytest.mark.slow
HEADERS: Final = {"Authorization": f"Bearer {API_KEY}"}
SESSIONS: Final = 10
WELL_AGAIN: Final = 5.0


@pytest.fixture
def redis(tmp_path: Path) -> Generator[RedisServer]:
    """A server that keeps what it has acknowledged."""
    server = RedisServer(tmp_path / "redis", settings=ALWAYS)
    with running(server):
        yield server


@pytest.fixture
def service(redis: RedisServer, tmp_path: Path) -> Generator[Served]:
    with served(tmp_path, "--store", redis.url(), log_level="warning") as service:
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log()


@pytest.fixture
async def client(service: Served) -> AsyncGenerator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=250)
    async with httpx2.AsyncClient(
        base_url=service.url, headers=HEADERS, limits=limits, timeout=PATIENCE
    ) as client:
        for number in range(SESSIONS):
            await client.post("/v1/sessions", json={"session_id": f"s{number}"})
        yield client


def operation(client: httpx2.AsyncClient, number: int) -> httpx2.Request:
    """Make one of several requests, each on a session that is there."""
    path = f"/v1/sessions/s{number % SESSIONS}"
    increment = {"add": {"message_count": 1}}
    return (
        client.build_request("GET", path),
        client.build_request("PATCH", path, json=increment),
        client.build_request("GET", f"{path}/exists"),
        client.build_request("GET", f"{path}/items"),
        client.build_request("GET", "/v1/sessions/count"),
    )[number % 5]


def judge(response: httpx2.Response) -> str:
    """Hold that an answer is right, or says that the store is out and when to come back."""
    if response.status_code == 200:
        assert response.json().get("exists", True) is True
        return "ok"
    assert response.status_code == 503, response.text
    assert response.json()["code"] == "STORE_UNAVAILABLE"
    assert int(response.headers["Retry-After"]) >= 1
    return "out"


async def at_once(client: httpx2.AsyncClient, calls: int = 200) -> Counter[str]:
    requests = (client.send(operation(client, number)) for number in range(calls))
    return Counter(map(judge, await asyncio.gather(*requests)))


async def is_ready(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/health/ready")).status_code == 200


async def test_an_outage_is_told_as_one(client: httpx2.AsyncClient, redis: RedisServer) -> None:
    """Two hundred at once while it is gone: 503 with the time to wait, and never "not found"."""
    assert await at_once(client) == {"ok": 200}
    await asyncio.to_thread(redis.stop)
    began = time.monotonic()
    assert await at_once(client) == {"out": 200}
    while await is_ready(client):
        assert time.monotonic() - began < 10
    assert await at_once(client) == {"out": 200}
    await asyncio.to_thread(redis.start)
    began = time.monotonic()
    while not await is_ready(client) or await at_once(client, 20) != {"ok": 20}:
        assert time.monotonic() - began < WELL_AGAIN
        await asyncio.sleep(0.05)
    assert await at_once(client) == {"ok": 200}


async def test_what_was_acknowledged_around_an_outage_is_there(
    client: httpx2.AsyncClient, redis: RedisServer
) -> None:
    """Each increment that was answered is counted once; of the others nobody said that it is."""
    answers: Counter[str] = Counter()
    stopped = asyncio.Event()

    async def increment() -> None:
        while not stopped.is_set():
            response = await client.patch("/v1/sessions/s0", json={"add": {"message_count": 1}})
            outcome = judge(response)
            answers[outcome] += 1
            await asyncio.sleep(0.01 if outcome == "ok" else 0.2)

    async with asyncio.TaskGroup() as callers:
        for _ in range(50):
            callers.create_task(increment())
        for _ in range(2):
            acknowledged = answers["ok"]
            while answers["ok"] < acknowledged + 200:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(redis.kill)
            refused = answers["out"]
            while answers["out"] < refused + 50:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(redis.start)
        acknowledged = answers["ok"]
        while answers["ok"] < acknowledged + 200:
            await asyncio.sleep(0.01)
        stopped.set()
    shown = (await client.get("/v1/sessions/s0")).json()
    assert answers["ok"] <= shown["message_count"] <= answers.total()
    assert shown["revision"] == shown["message_count"] + 1
