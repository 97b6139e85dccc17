"""Collecting expired sessions in the background."""

import asyncio
import logging

import pytest

from holdfast import InMemorySessionStore
from holdfast.errors import StoreUnavailable
from holdfast.server.purging import purging


class Flaky(InMemorySessionStore):
    """Fails at the first collections."""

    failures = 2
    rounds = 0

    async def cleanup_expired(self, limit: int = 10) -> int:
        self.rounds += 1
        if self.rounds <= self.failures:
            raise StoreUnavailable() if self.rounds == 1 else RuntimeError("unforeseen")
        return await super().cleanup_expired(limit)


async def test_collecting_survives_errors(caplog: pytest.LogCaptureFixture) -> None:
    """Rounds that fail are logged with their reason, and the next ones go on."""
    caplog.set_level(logging.INFO)
    async with Flaky() as store:
        for _ in range(3):
            await store.create(ttl=0.01)
        async with purging(store, every=0.02):
            async with asyncio.timeout(10):
                while "sessions.purged" not in caplog.messages:
                    await asyncio.sleep(0.01)
    failed = [record for record in caplog.records if record.message == "sessions.purge_failed"]
    assert [record.exc_info is not None for record in failed] == [True, True]
    purged = [vars(record) for record in caplog.records if record.message == "sessions.purged"]
    assert [record["count"] for record in purged] == [3]


async def test_collecting_ends_with_its_block() -> None:
    """Nothing goes on in the background afterwards."""
    async with InMemorySessionStore() as store:
        async with purging(store, every=60):
            names = {task.get_name() for task in asyncio.all_tasks()}
            assert "holdfast-purge" in names
        assert "holdfast-purge" not in {task.get_name() for task in asyncio.all_tasks()}
