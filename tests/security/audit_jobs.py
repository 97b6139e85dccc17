"""What each of several processes does with one trail."""

import asyncio
from pathlib import Path

from tests.security.processes import Work
from tests.server.audit.trails import Place


async def record_many(work: Work) -> int:
    """Sign in once, then record a hundred failures, all at once."""
    async with Place(Path(work.told), work.url).trail(work.keyring) as trail:
        await trail.record("login.ok", actor=f"user-{work.number}")
        await work.meet()
        calls = (trail.record("login.failed", outcome="refused", actor=f"{n}") for n in range(100))
        await asyncio.gather(*calls)
        # Ended once the other's are written too, so that the last anchor knows of all of them.
        await work.meet()
    return work.number
