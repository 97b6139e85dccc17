"""A process that changes sessions until it is killed, and prints each change that was answered.

Arguments: the file, a name for this life. A line is the key, the change id and the counter's value.
"""

import asyncio
import os
import sys
from itertools import count

from holdfast.backend import Add, Apply, Changed
from holdfast.backends.sqlite import SQLiteBackend

CALLERS = 8


async def main(path: str, life: str) -> None:
    async with SQLiteBackend(path) as backend:
        await asyncio.gather(*(keep_changing(backend, life, caller) for caller in range(CALLERS)))


async def keep_changing(backend: SQLiteBackend, life: str, caller: int) -> None:
    key = f"killed/{caller % 4}"
    for number in count():
        change_id = f"{life}-{caller}-{number}"
        change = Apply(
            key, change_id, remember=True, add=(Add("changes", 1, 2**53),), append=(b"item",),
            set={b"tag": os.urandom(500)}, max_items=1_000_000,
        )  # fmt: skip
        changed = await backend.execute(change)
        assert isinstance(changed, Changed)
        os.write(1, f"{key} {change_id} {changed.integers['changes']}\n".encode())


asyncio.run(main(sys.argv[1], sys.argv[2]))
