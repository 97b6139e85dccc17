"""A process that opens new stores as soon as it is told to, and creates one session in each."""

import asyncio
import os
import sys
from pathlib import Path

from holdfast.backend import Create
from holdfast.backends.sqlite import SQLiteBackend

FILES = 8
HOUR = 3_600_000_000


async def main(folder: Path) -> None:
    for number in range(FILES):
        async with SQLiteBackend(folder / f"{number}.db") as backend:
            await backend.execute(Create(f"opened/{os.getpid()}", "one", HOUR, HOUR, b"", {}, {}))


sys.stdin.readline()
asyncio.run(main(Path(sys.argv[1])))
