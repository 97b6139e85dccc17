"""A process that changes the session named by each line that it reads, and says when it has."""

import asyncio
import sys

from holdfast.backend import Apply
from holdfast.backends.sqlite import SQLiteBackend


async def main(path: str) -> None:
    async with SQLiteBackend(path) as backend:
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await backend.execute(Apply(line.strip(), "one"))
            print("changed", flush=True)


asyncio.run(main(sys.argv[1]))
