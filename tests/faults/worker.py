"""A process that does with one session what it is told, line by line, and answers in JSON.

Arguments: the URL of the store, its keys, the session. See `Worker` for what it can be told.
"""

import asyncio
import json
import sys
import time
from typing import Any

from holdfast import Change, Keyring, LeaseLost
from holdfast.backend import Allowance, Take
from holdfast.holding import Lease
from tests.tallying import Store, tally_store


class Worker:
    """One session of a store, and perhaps its lease."""

    def __init__(self, store: Store, session_id: str) -> None:
        self._store = store
        self._session_id = session_id
        self._lease: Lease | None = None
        self._holding: asyncio.Task[None] | None = None

    async def create(self, ttl: str) -> Any:
        session = await self._store.create(self._session_id, ttl=float(ttl))
        return {
            "created": session.created_at.timestamp(),
            "expires": session.expires_at.timestamp(),
        }

    async def get(self) -> Any:
        session = await self._store.get(self._session_id)
        return None if session is None else session.steps

    async def now(self) -> Any:
        return time.time()

    async def take(self) -> Any:
        answer = await self._store.backend.execute(Take("limits/clock", 60_000_000, 2))
        assert isinstance(answer, Allowance)
        return answer.allowed

    async def hold(self, ttl: str) -> Any:
        granted = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            async with self._store.lease(self._session_id, ttl=float(ttl), wait=30) as lease:
                granted.set_result(lease)
                await asyncio.Event().wait()

        # The loss of a lease cancels the task that holds it, and not the one that is told.
        self._holding = asyncio.create_task(hold())
        self._lease = lease = await granted
        return lease.fence

    async def write(self) -> Any:
        """Take a step under the lease, with its line in the log."""
        assert self._lease is not None
        try:
            change = Change(add={"steps": 1}, append=["step"])
            return (await self._lease.apply(change)).counters["steps"]
        except LeaseLost:
            return "lost"

    async def lost(self) -> Any:
        assert self._lease is not None
        return self._lease.lost.is_set()

    async def block(self, seconds: str) -> Any:
        """Let nothing else run in this process."""
        time.sleep(float(seconds))

    async def toil(self) -> Any:
        """Take turns for ever."""
        while True:
            async with self._store.lease(self._session_id, ttl=1, wait=30) as self._lease:
                await self.write()
                await asyncio.sleep(0.001)


async def main(url: str, keys: str, session_id: str) -> None:
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with tally_store(url, keys=Keyring.from_text(keys)) as store:
        worker = Worker(store, session_id)
        print(json.dumps("ready"), flush=True)
        while line := await lines.readline():
            name, *arguments = line.decode().split()
            answer = await getattr(worker, name)(*arguments)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
