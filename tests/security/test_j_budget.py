"""Checklist J: what models may cost is held, by however many it is spent at once."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from holdfast import BudgetExceeded, Keyring, open_store
from holdfast.budget import Budgets
from tests.redis_servers import RedisServer
from tests.security import budget_jobs
from tests.security.budget_jobs import LIMIT, PRICE, Spender, shared
from tests.security.processes import KEYS, Processes
from tests.server.conftest import AUTHORIZED, Opening
from tests.server.provider import Provider, provider
from tests.server.serving import Served, served
from tests.server.talking import Chat, begun, tab

RESERVATION: Final = timedelta(seconds=600)
# What an answer of the fake provider costs: it always counts three tokens written.
PAID: Final[dict[str, Any]] = {
    "rate_limit": "false",
    "ai_max_tokens": "3",
    "prices": "fake-1=0/3333",
}


async def test_security_084_of_many_calls_those_reach_the_provider_that_fit(store_url: str) -> None:
    """A hundred at once on money for ten: ten, and nothing stays reserved."""
    async with open_store(store_url, keys=KEYS) as store:
        budget = shared(store, KEYS)
        calls = await asyncio.gather(*(budget_jobs.reached(budget) for _ in range(100)))
        balance = await budget.read()
    assert sum(calls) == LIMIT // PRICE
    assert (balance.spent, balance.reserved, balance.remaining) == (LIMIT, 0, 0)


async def test_security_084_also_from_several_processes(
    processes: Processes, shared_url: str
) -> None:
    """Two processes share the same ten."""
    answers = await processes.run(budget_jobs.call, shared_url)
    async with open_store(shared_url, keys=KEYS) as store:
        balance = await shared(store, KEYS).read()
    assert sum(answers) == LIMIT // PRICE
    assert (balance.spent, balance.reserved) == (LIMIT, 0)


async def test_a_naive_budget_is_found_out(processes: Processes, shared_url: str) -> None:
    """Who looks first and writes the sum afterwards lets more through, and knows of less."""
    answers = await processes.run(budget_jobs.call_naively, shared_url)
    async with open_store(shared_url, keys=KEYS, model=Spender) as store:
        spender = await store.get("shared")
    assert spender is not None
    assert sum(answers) > LIMIT // PRICE
    assert spender.paid < sum(answers) * PRICE


async def test_ten_who_buy_five_times_spend_the_sum(store_url: str) -> None:
    """Five hundred, whatever order they come in."""
    async with open_store(store_url, keys=KEYS) as store:
        budget = shared(store, KEYS, limit=None)
        await budget_jobs.purchases(budget, 10)
        assert (await budget.read()).spent == 500


async def test_ten_in_two_processes_who_buy_five_times_spend_the_sum(
    processes: Processes, shared_url: str
) -> None:
    """Five in each."""
    await processes.run(budget_jobs.purchase, shared_url)
    async with open_store(shared_url, keys=KEYS) as store:
        assert (await shared(store, KEYS).read()).spent == 500


@contextmanager
def _reserving(url: str) -> Generator[subprocess.Popen[str]]:
    """A process that has reserved everything and waits."""
    line = [sys.executable, "-m", "tests.security.budget_jobs", url, KEYS.to_text()]
    root = Path(__file__).parents[2]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reserved\n"
            yield process
        finally:
            process.kill()


async def test_security_084_a_killed_process_gives_its_part_back(shared_url: str) -> None:
    """Once the reservation's time is over; not before."""
    with _reserving(shared_url) as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    now = datetime.now(UTC)
    async with open_store(shared_url, keys=KEYS) as store:
        clock = [now]
        budget = Budgets(store, keys=KEYS, now=lambda: clock[0]).named("shared", limit=LIMIT)
        assert (await budget.read()).reserved == LIMIT
        with pytest.raises(BudgetExceeded):
            await budget.reserve(1)
        clock[0] += RESERVATION
        assert (await budget.read()).reserved == 0
        await budget.spend(LIMIT)


async def test_security_085_without_a_price_nothing_is_asked(
    opening: Opening, store_url: str, model: Provider
) -> None:
    """A session with a limit is told so, and goes on once the limit is lifted."""
    before = model.asked
    async with opening(store=store_url, rate_limit=False, **model.settings) as client:
        session_id = await _begin(client)
        path = f"/v1/chat/sessions/{session_id}/messages"
        budget = f"/v1/sessions/{session_id}/budget"
        await client.put(budget, json={"limit": 10**9})
        said = {"message": "Hello?", "client_message_id": "m1"}
        refused = await client.post(path, json=said)
        assert (refused.status_code, refused.json()["code"]) == (503, "PRICE_UNKNOWN")
        assert model.asked == before
        await client.put(budget, json={"limit": None})
        assert (await client.post(path, json=said)).status_code == 200
        assert (await client.get(budget)).json()["spent"] == 0


async def test_security_085_amounts_are_integers_that_fit(opening: Opening, store_url: str) -> None:
    """Nothing else is taken anywhere, and nothing is counted of it."""
    wrong = ["-1", "1.0", "1e3", "NaN", "Infinity", "true", '"1"', "9007199254740992", "null"]
    async with opening(store=store_url) as client:
        session_id = await _begin(client, budget_limit=5)
        budget = f"/v1/sessions/{session_id}/budget"
        headers = {"Content-Type": "application/json"}
        for amount in wrong:
            for what in ("reserve", "spend"):
                answer = await client.post(
                    f"{budget}/{what}", content=f'{{"amount": {amount}}}', headers=headers
                )
                assert answer.status_code == 422, (what, amount)
        after = (await client.get(budget)).json()
        assert (after["spent"], after["reserved"], after["remaining"]) == (0, 0, 5)


async def test_security_082_without_the_store_nothing_is_spent(
    opening: Opening, own_redis: RedisServer, model: Provider
) -> None:
    """Every route of a budget answers 503, and so does the agent, which asks no model."""
    before = model.asked
    settings = {**model.settings, **PAID, "store": own_redis.url(), "deadline_seconds": 0.5}
    async with opening(**settings) as client:
        session_id = await _begin(client, budget_limit=100)
        budget = f"/v1/sessions/{session_id}/budget"
        own_redis.stop()
        answers = [
            await client.get(budget),
            await client.put(budget, json={"limit": 1}),
            await client.post(f"{budget}/reserve", json={"amount": 1}),
            await client.post(f"{budget}/spend", json={"amount": 1}),
            await client.post(f"{budget}/settle", json={"amount": 1, "reservation_id": "r"}),
            await client.post(f"{budget}/release", json={"reservation_id": "r"}),
            await client.post(f"/v1/chat/sessions/{session_id}/messages", json={"message": "Hi"}),
        ]
    told = {(answer.status_code, answer.json()["code"]) for answer in answers}
    assert told == {(503, "STORE_UNAVAILABLE")}
    assert model.asked == before


# The service: one process on memory, two on what they can share.


@contextmanager
def _services(
    request: pytest.FixtureRequest, folder: Path, **settings: Any
) -> Generator[list[str]]:
    store, count = "memory://", 1
    if request.param == "sqlite":
        store, count = f"sqlite:///{folder}/sessions.db", 2
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("shared_redis")
        server.ask("FLUSHALL")
        store, count = server.url(), 2
    keys = Keyring.generate().to_text()
    with ExitStack() as stack:
        running: list[Served] = []
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            running.append(
                stack.enter_context(served(own, store=store, keys=keys, **PAID, **settings))
            )
        yield [service.url for service in running]
        for service in running:
            assert "Traceback" not in service.log()


@pytest.fixture(scope="module")
def model() -> Generator[Provider]:
    with provider() as fake:
        yield fake


@pytest.fixture(scope="module", params=["memory", "sqlite", "redis"])
def services(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: Provider
) -> Generator[list[str]]:
    """Services that share a user's day and a model; each answer costs ten."""
    folder = tmp_path_factory.mktemp("services")
    with _services(request, folder, budget_user_day="100", **model.settings) as urls:
        yield urls


async def _begin(client: httpx2.AsyncClient, **body: Any) -> str:
    answer = await client.post("/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


@pytest.mark.slow
async def test_security_084_a_user_s_day_pays_for_ten_of_a_hundred_messages(
    services: list[str], model: Provider
) -> None:
    """In a hundred conversations at once: ten reach the model, ninety are answered 402."""
    before = model.asked
    clients = [httpx2.AsyncClient(base_url=url, headers=AUTHORIZED, timeout=60) for url in services]
    try:
        ids = [await _begin(clients[0], user_id="ann") for _ in range(100)]
        answers = await asyncio.gather(
            *(
                clients[number % len(clients)].post(
                    f"/v1/chat/sessions/{session_id}/messages", json={"message": "Hello?"}
                )
                for number, session_id in enumerate(ids)
            )
        )
    finally:
        for client in clients:
            await client.aclose()
    assert model.asked - before == 10
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [402] * 90
    told = [answer.json() for answer in answers]
    assert {body["metadata"]["cost"] for body in told if "metadata" in body} == {10}
    assert {body["code"] for body in told if "code" in body} == {"BUDGET_EXCEEDED"}


@pytest.mark.slow
async def test_ten_sockets_buy_five_answers_each(services: list[str], model: Provider) -> None:
    """Five hundred to the unit, each told with its cost; the fifty-first is not asked for."""
    before = model.asked
    first = await begun(services[0])
    chats = [
        Chat(services[number % len(services)], first.session_id, first.secret)
        for number in range(10)
    ]
    budget = f"{services[-1]}/v1/sessions/{first.session_id}/budget"
    async with httpx2.AsyncClient(headers=AUTHORIZED, timeout=60) as client:
        assert (await client.put(budget, json={"limit": 500})).status_code == 200
        told = await asyncio.gather(*(_buy(chat, f"tab {n}") for n, chat in enumerate(chats)))
        after = (await client.get(budget)).json()
        assert (after["spent"], after["reserved"], after["remaining"]) == (500, 0, 0)
        assert after["items"] == [
            {"category": "model", "item": "fake-1", "amount": 500, "times": 50}
        ]
        for frames in told:
            assert {frame["cost"] for frame in frames} == {10}
            left = [frame["budget_remaining"] for frame in frames]
            assert left == sorted(left, reverse=True) == list(range(490, -10, -10))
        async with tab(chats[-1], last_number=100) as last:
            await last.send("One more?", name="last")
            refused = await last.until("run.interrupted")
    assert not refused["retryable"]
    assert model.asked - before == 50


async def _buy(chat: Chat, name: str) -> list[dict[str, Any]]:
    """Send five messages, and give the ends of all fifty runs."""
    async with tab(chat) as one:
        for number in range(5):
            await one.send("Hello?", name=f"{name}, message {number}")
        ends = [frame for frame in one.told if frame["type"] == "run.finished"]
        while len(ends) < 50:
            ends.append(await one.until("run.finished"))
    return ends
