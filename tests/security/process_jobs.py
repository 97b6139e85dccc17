"""Jobs for processes that are tested themselves."""

import asyncio
import os

from holdfast import Change, LimitReached, SessionStore, SupportSession, open_store
from tests.security.processes import Work


async def identity(work: Work) -> tuple[int, int]:
    return work.number, os.getpid()


async def take_ten(work: Work) -> list[bool]:
    """Ask a hundred times for one of ten, the ten of this turn."""
    async with open_store(work.url, model=SupportSession, keys=work.keyring) as store:
        assert await store.get("shared") is not None
        await work.meet()
        most = 10 * (work.told + 1)
        return list(await asyncio.gather(*(_taken(store, most) for _ in range(100))))


async def _taken(store: SessionStore[SupportSession], most: int) -> bool:
    change = Change(add={"message_count": 1}, at_most={"message_count": most})
    try:
        await store.apply("shared", change)
    except LimitReached:
        return False
    return True
