"""A worker process: `python -m holdfast.verification.worker`.

It reads lines of JSON from its standard input: first what to open (the keys come this way, and
never stand in a command line), then orders. To each it answers with a line. It ends with its input.
"""

import asyncio
import json
import logging
import os
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final

from holdfast.errors import StoreUnavailable
from holdfast.keyring import Keyring
from holdfast.testing.histories import Recorder
from holdfast.testing.histories.calls import Store
from holdfast.testing.histories.recording import Repeats
from holdfast.verification.opening import open_checked
from holdfast.verification.plan import Order
from holdfast.verification.playing import play

# A tenth of a second apart.
ATTEMPTS: Final = 300


async def work() -> None:
    """Follow orders until there are no more."""
    lines = await _standard_input()
    setup: dict[str, Any] = json.loads(await lines.readline())
    name, folder = setup["name"], Path(setup["folder"])
    repeats = Repeats()
    async with AsyncExitStack() as stack:
        store = await _open(stack, setup, repeats)
        _say("ready")
        async for line in lines:
            order = Order(*json.loads(line))
            path = folder / f"{order.round}-{name}.jsonl"
            with Recorder(path, process=name, repeats=repeats) as recorder:
                played = await play(store, order, recorder, name=name)
            _say(played)


async def _open(stack: AsyncExitStack, setup: dict[str, Any], repeats: Repeats) -> Store:
    """Open the store; whoever starts in the middle of a fault tries again."""
    keys = Keyring.from_text(setup["keys"])
    store = open_checked(setup["url"], keys=keys, namespace=setup["namespace"], observers=[repeats])
    for _ in range(ATTEMPTS):
        try:
            return await stack.enter_async_context(store)
        except StoreUnavailable:
            await asyncio.sleep(0.1)
    return await stack.enter_async_context(store)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**22)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(what: object) -> None:
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    # Losing leases is what happens here all the time.
    logging.getLogger("holdfast").setLevel(logging.ERROR)
    # Whoever gave the orders may be gone, and hears no answer any more.
    with suppress(BrokenPipeError):
        asyncio.run(work())
