"""A process whose files may not grow beyond a limit: it changes a session until it is refused.

Arguments: the file, the key, the largest file in bytes. It prints how many changes were answered,
what the refusal said of the outcome, and whether reading still works.
"""

import asyncio
import os
import resource
import sys

from holdfast.backend import Add, Apply, Found, Read
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.errors import StoreUnavailable


async def main(path: str, key: str, limit: int) -> None:
    async with SQLiteBackend(path) as backend:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        answered, outcome = await keep_changing(backend, key)
        refused = await keep_changing(backend, key)
        assert refused == (0, outcome), "a full disk takes nothing"
        readable = isinstance(await backend.execute(Read(key)), Found)
        print(answered, outcome, readable)


async def keep_changing(backend: SQLiteBackend, key: str) -> tuple[int, str]:
    answered = 0
    while True:
        change = Apply(
            key, "one", set={b"tag": os.urandom(20_000)}, add=(Add("changes", 1, 2**53),)
        )
        try:
            await backend.execute(change)
        except StoreUnavailable as error:
            return answered, error.outcome
        answered += 1


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
