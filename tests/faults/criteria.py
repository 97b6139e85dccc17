"""What must hold in every scenario, whatever is broken in it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

from tests.redis_servers import RedisServer
from tests.tallying import Writer, until

SESSIONS: Final = [f"session-{number}" for number in range(8)]
# How much later than its deadline a call may end, and how soon after the fault all is well again.
GRACE: Final = 0.1
WELL_AGAIN: Final = 5.0
TICK: Final = 0.01
OPEN_FILES: Final = Path("/proc/self/fd")


class Length(NamedTuple):
    """Whether a scenario lasts as long as it should, or only as long as can be waited for."""

    long: bool

    def of(self, short: float, long: float) -> float:
        return long if self.long else short

    def times(self, short: int, long: int) -> range:
        return range(long if self.long else short)


class Lag:
    """How late the loop was at most: what this host was busy with besides is nobody's fault."""

    longest = 0.0


@asynccontextmanager
async def measured_lag() -> AsyncGenerator[Lag]:
    """Measure how late the loop is while the block lasts."""
    lag = Lag()

    async def tick() -> None:
        while True:
            began = monotonic()
            await asyncio.sleep(TICK)
            lag.longest = max(lag.longest, monotonic() - began - TICK)

    ticking = asyncio.create_task(tick())
    try:
        yield lag
    finally:
        ticking.cancel()
        await asyncio.wait((ticking,))


@asynccontextmanager
async def nothing_left(server: RedisServer) -> AsyncGenerator[None]:
    """See that connections, tasks and open files are as before when the block has ended."""
    before = _held(server)
    yield
    async with asyncio.timeout(WELL_AGAIN):
        while _held(server) != before:
            await asyncio.sleep(TICK)


def _held(server: RedisServer) -> tuple[int, int, int]:
    ours = str(server.ask("CLIENT", "LIST")).count("name=holdfast")
    return ours, len(asyncio.all_tasks()), len(list(OPEN_FILES.iterdir()))


async def all_hold(writers: Sequence[Writer], *, lost: bool = False) -> None:
    """See that every step that was answered is there once; what was `lost` was told."""
    for writer in writers:
        await writer.check()
    told = sum(writer.rolled_back for writer in writers)
    assert (told > 0) is lost, f"{told} rollbacks were told"


async def well_again(writers: Sequence[Writer], healed: float) -> None:
    """Wait until every writer was answered after the healing, soon enough."""
    await until(lambda: all(writer.answered_at > healed for writer in writers))
    assert max(writer.answered_at for writer in writers) - healed < WELL_AGAIN


def in_time(writers: Sequence[Writer], deadline: float, lag: Lag) -> None:
    """See that no call lasted longer than its deadline, but for what the loop was late."""
    assert max(writer.slowest for writer in writers) < deadline + GRACE + lag.longest
