"""The processes of the concurrency tests are several, and begin together."""

import os
from collections import Counter
from pathlib import Path

from holdfast import SupportSession, open_store
from tests.security import process_jobs
from tests.security.processes import KEYS, Processes


async def test_each_process_does_a_job_once(processes: Processes, tmp_path: Path) -> None:
    """Again and again: one job each, none of them here."""
    for _ in range(5):
        answers = await processes.run(process_jobs.identity, f"sqlite:///{tmp_path}/s.db")
        numbers, ids = zip(*answers, strict=True)
        assert numbers == tuple(range(processes.count))
        assert len({*ids, os.getpid()}) == processes.count + 1


async def test_a_limit_holds_over_processes(processes: Processes, shared_url: str) -> None:
    """Of two hundred that want ten at the same time exactly ten get one, on a warm store."""
    async with open_store(shared_url, model=SupportSession, keys=KEYS) as store:
        await store.create("shared")
        for turn in range(3):
            answers = await processes.run(process_jobs.take_ten, shared_url, told=turn)
            counted: Counter[bool] = sum(map(Counter, answers), Counter())
            assert counted == Counter({True: 10, False: 190})
