"""Collecting expired sessions, again and again, whatever happens."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from holdfast.server.alongside import alongside
from holdfast.store import SessionStore

logger = logging.getLogger(__name__)

PURGED_AT_ONCE: Final = 1000


@asynccontextmanager
async def purging(store: SessionStore[Any], *, every: float) -> AsyncGenerator[None]:
    """Collect expired sessions every so many seconds for as long as the block lasts."""
    async with alongside(_keep_purging(store, every), name="holdfast-purge"):
        yield


async def _keep_purging(store: SessionStore[Any], every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await _purge(store)
        except Exception:
            # The next round may find the store well again.
            logger.exception("sessions.purge_failed")


async def _purge(store: SessionStore[Any]) -> None:
    while collected := await store.cleanup_expired(PURGED_AT_ONCE):
        logger.info("sessions.purged", extra={"count": collected})
