"""Checklist J: rate limits are exact whoever takes at the same time, and leave nothing behind."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast import Session, SessionStore, open_store
from holdfast.backend import Backend, Take
from holdfast.backends.memory import MemoryBackend
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.limits import Rate, RateLimit
from holdfast.testing import ManualClock
from tests.redis_servers import RedisServer, wait_for
from tests.security.guard_jobs import press, take
from tests.security.processes import KEYS, Processes, several
from tests.security.signing import add_staff, token_of
from tests.server.conftest import AUTHORIZED, Opening
from tests.server.inside import listening
from tests.server.talking import begun, tab

CALLERS = 100_000


@pytest.fixture(scope="module")
def four() -> Iterator[Processes]:
    """Four processes that take at the same time."""
    with several(4) as processes:
        yield processes


@pytest.mark.slow
@pytest.mark.parametrize("burst", [30, 150])
async def test_security_083_exactly_the_burst_passes(
    four: Processes, shared_url: str, burst: int
) -> None:
    """Of ten thousand calls at the same time from four processes, on a store that is warm."""
    told = (f"burst-{burst}", burst, 2500)
    assert sum(await four.run(take, shared_url, told=told)) == burst


@pytest.mark.parametrize("burst", [30, 150])
async def test_security_083_exactly_the_burst_passes_in_memory(burst: int) -> None:
    """Of ten thousand calls in one process, which is all that a store in memory has."""
    async with open_store("memory://", keys=KEYS) as store:
        limit = RateLimit(store.backend, "burst", Rate(1, 3600, burst), key=KEYS.primary)
        taken = await asyncio.gather(*(limit.take("caller") for _ in range(10_000)))
    assert sum(one.allowed for one in taken) == burst


@pytest.mark.slow
async def test_security_083_no_more_than_the_rate_over_time(
    four: Processes, shared_url: str
) -> None:
    """Whoever presses without a pause gets the burst, and what flows back meanwhile."""
    rate, seconds = Rate(100, 1, 30), 1.5
    pressed = await four.run(press, shared_url, told=("pressed", rate, seconds))
    passed = sum(one.passed for one in pressed)
    lasted = max(one.ended for one in pressed) - min(one.began for one in pressed)
    assert 30 + 100 * seconds * 0.8 <= passed <= 30 + 100 * lasted + 1


async def take_from_many(backend: Backend, seconds: int, *, callers: int = CALLERS) -> None:
    """Take once for each of very many callers, some hundred at a time."""
    for first in range(0, callers, 1000):
        names = (f"~limit/many/{number}" for number in range(first, first + 1000))
        takes = (Take(name, seconds * 1_000_000, 1) for name in names)
        await asyncio.gather(*(backend.execute(one) for one in takes))


def in_memory(backend: MemoryBackend, folder: Path) -> int:
    return backend.statistics()["limits"]


def in_file(backend: SQLiteBackend, folder: Path) -> int:
    with closing(sqlite3.connect(folder / "limits.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM limits").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_hundred_thousand_callers_leave_nothing(kind: str, tmp_path: Path) -> None:
    """After the window, collecting what has expired forgets them all."""
    moved = ManualClock()
    backend: MemoryBackend | SQLiteBackend = (
        MemoryBackend(clock=moved.clock)
        if kind == "memory"
        else SQLiteBackend(tmp_path / "limits.db", clock=moved.clock)
    )

    def kept() -> int:
        if isinstance(backend, MemoryBackend):
            return in_memory(backend, tmp_path)
        return in_file(backend, tmp_path)

    store = SessionStore(backend, model=Session, keys=KEYS, clock=moved.clock)
    async with backend:
        await take_from_many(backend, 60)
        assert kept() == CALLERS
        moved.advance(59)
        await store.cleanup_expired()
        assert kept() == CALLERS
        moved.advance(1)
        for _ in range(CALLERS // 10_000):
            await store.cleanup_expired()
        assert kept() == 0


@pytest.mark.slow
async def test_a_hundred_thousand_callers_leave_nothing_on_redis(redis_server: RedisServer) -> None:
    """Redis forgets each of them by itself when its window is over."""
    async with open_store(redis_server.url(), keys=KEYS) as store:
        await store.count_active()
        before = redis_server.ask("DBSIZE")
        await take_from_many(store.backend, 60)
        kept = redis_server.info("keyspace")["db0"]
        assert kept["keys"] == before + CALLERS
        assert kept["expires"] >= CALLERS
        assert 0 < kept["avg_ttl"] <= 60_000
        redis_server.ask("FLUSHALL")
        await take_from_many(store.backend, 1, callers=5000)
        wait_for(lambda: redis_server.ask("DBSIZE") <= before, "Redis to forget the limits")


async def begin(client: httpx2.AsyncClient) -> tuple[str, dict[str, str]]:
    """Begin a conversation; where its messages go, and the header that opens it."""
    begun = (await client.post("/v1/chat/sessions", json={})).json()
    secret = {"Authorization": f"Bearer {begun['session_secret']}"}
    return f"/v1/chat/sessions/{begun['session_id']}/messages", secret


async def test_security_083_a_conversation_has_a_limit_of_its_own(
    opening: Opening, store_url: str
) -> None:
    """Of ten messages at once as many are taken as may; staff and keys are not counted."""
    async with opening(headers={}, store=store_url, message_limit=3) as client:
        path, secret = await begin(client)
        said = [{"message": f"Hello {number}"} for number in range(10)]
        answers = await asyncio.gather(
            *(client.post(path, json=body, headers=secret) for body in said)
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] * 3 + [429] * 7
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["code"] == "RATE_LIMITED"
        assert refused.headers["X-RateLimit-Limit"] == "3"
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert 1 <= int(refused.headers["Retry-After"]) <= 20
        other, its_secret = await begin(client)
        assert (await client.post(other, json=said[0], headers=its_secret)).status_code == 200
        assert (await client.post(path, json=said[0], headers=AUTHORIZED)).status_code == 200


async def test_security_083_a_conversation_has_one_limit_for_its_sockets(tmp_path: Path) -> None:
    """Over the socket as over HTTP; a message that was one too many can be sent again later."""
    async with listening(tmp_path, message_limit=1) as (url, _):
        chat = await begun(url)
        async with tab(chat) as one, tab(chat) as two:
            assert (await one.send("Hello?", name="m1"))["number"] == 1
            await two.say("message.send", client_message_id="m2", text="Hello?")
            error = await two.until("error")
        assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)


async def test_each_client_has_a_limit(opening: Opening) -> None:
    """A user wherever they are, and each address; keys are not counted, other sites apart."""
    options: dict[str, Any] = {"rate_limit_requests": 4, "rate_limit_seconds": 3600}
    async with opening(headers={}, **options) as client:
        await add_staff(client.app, "ann")  # type: ignore[attr-defined]
        ann = await token_of(client)
        left = [await remaining(client, headers) for headers in (ann, ann, {}, {}, {})]
        assert left == [3, 2, 2, 1, 0]
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert await remaining(client, elsewhere) == 3
        assert (await client.get("/v1/auth/me")).status_code == 429
        assert (await client.get("/v1/auth/me", headers=ann)).status_code == 200
        by_key = await client.get("/v1/auth/me", headers=AUTHORIZED)
        assert by_key.status_code == 200
        assert "X-RateLimit-Limit" not in by_key.headers
        assert (await client.get("/health/live")).status_code == 200


async def remaining(client: httpx2.AsyncClient, headers: dict[str, str]) -> int:
    answer = await client.get("/v1/auth/me", headers=headers)
    return int(answer.headers["X-RateLimit-Remaining"])
