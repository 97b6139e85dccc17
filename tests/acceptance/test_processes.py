"""Four processes on one store: what one of them is told holds for all."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from holdfast import Keyring
from tests.acceptance import worker
from tests.acceptance.worker import PROCESSES, Report, Store, Task, open_shared, present
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.slow
KEYS = Keyring.generate("processes")


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Four processes that share nothing with this one but the store."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        yield pool


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the processes meet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/sessions.db"
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with open_shared(url, KEYS) as store:
        await store.create(worker.GATE)
        await store.create("shared")
        yield store


async def run(pool: ProcessPoolExecutor, url: str, job: Any) -> list[Report]:
    """Have the job done by all processes at the same time."""
    loop = asyncio.get_running_loop()
    tasks = [Task(url, KEYS, number) for number in range(PROCESSES)]
    reports = await asyncio.gather(
        *(loop.run_in_executor(pool, partial(worker.work, task, job)) for task in tasks)
    )
    assert len({report.process for report in reports}) == PROCESSES
    return reports


def all_values(reports: list[Report]) -> list[int]:
    return sorted(value for report in reports for value in report.values)


async def test_increments_are_exact(pool: ProcessPoolExecutor, store: Store, url: str) -> None:
    """Four hundred, from four processes: each value is told to one caller."""
    reports = await run(pool, url, worker.increment)
    assert all_values(reports) == list(range(1, 401))
    assert (await present(store, "shared")).message_count == 400


async def test_appended_items_leave_no_gap(
    pool: ProcessPoolExecutor, store: Store, url: str
) -> None:
    """Each item has a number of its own, the one that its writer was told."""
    reports = await run(pool, url, worker.append)
    assert all_values(reports) == list(range(1, 201))
    items = await store.items("shared", limit=1000)
    assert [item.number for item in items] == list(range(1, 201))
    for number, report in enumerate(reports):
        told = dict(enumerate(report.values))
        found = {item.value[1]: item.number for item in items if item.value[0] == number}
        assert found == told


async def test_each_flag_has_one_winner(pool: ProcessPoolExecutor, store: Store, url: str) -> None:
    """Twenty flags, four processes that want them all."""
    for place in range(20):
        await store.create(f"flag-{place}")
    reports = await run(pool, url, worker.claim)
    assert all_values(reports) == list(range(20))


async def test_leases_exclude(pool: ProcessPoolExecutor, store: Store, url: str) -> None:
    """What was read under a lease is still so when it is written; fences only grow."""
    reports = await run(pool, url, worker.take_turns)
    fences = all_values(reports)
    assert len(set(fences)) == len(fences) == 5 * PROCESSES
    for report in reports:
        assert report.values == sorted(report.values)
    assert (await present(store, "shared")).message_count == 5 * PROCESSES


async def test_a_watch_is_woken_by_another_process(
    pool: ProcessPoolExecutor, store: Store, url: str
) -> None:
    """Two processes hand a number to and fro; each hand-over takes some tens of milliseconds."""
    answering = asyncio.create_task(run(pool, url, worker.answer))
    handed = [0]
    began = 0.0
    async with asyncio.timeout(30):
        async for _ in store.watch("shared"):
            count = (await present(store, "shared")).message_count
            began = began or (time.monotonic() if count == 1 else 0.0)
            if count > 10:
                break
            if count % 2 == 1:
                handed.append(count + 1)
                await store.update("shared", message_count=count + 1)
    assert time.monotonic() - began < 5
    assert handed == [0, 2, 4, 6, 8, 10]
    assert all_values(await answering) == handed
