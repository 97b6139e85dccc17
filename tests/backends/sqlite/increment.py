"""A process that adds to one counter from several tasks, and prints every value it was answered.

Arguments: the file, the key of the session, how many times.
"""

import asyncio
import sys
from collections.abc import Iterator

from holdfast.backend import Add, Apply, Changed
from holdfast.backends.sqlite import SQLiteBackend

CALLERS = 8


async def main(path: str, key: str, times: int) -> None:
    left = iter(range(times))
    async with SQLiteBackend(path) as backend:
        await asyncio.gather(*(keep_adding(backend, key, left) for _ in range(CALLERS)))


async def keep_adding(backend: SQLiteBackend, key: str, left: Iterator[int]) -> None:
    change = Apply(key, "one", add=(Add("messages", 1, 2**53),), append=(b"item",))
    for _ in left:
        changed = await backend.execute(change)
        assert isinstance(changed, Changed)
        print(changed.integers["messages"], changed.last_item)


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
