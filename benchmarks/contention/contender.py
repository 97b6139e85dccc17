"""One process of the campaign: many callers that wait for one session, each holding it briefly.

It writes a line for each turn: who, when granted, when given back, in seconds of the host.
"""

import asyncio
import json
import sys
import time
from typing import Final

from holdfast import Keyring, open_store
from holdfast.errors import LeaseUnavailable, SessionNotFound

SESSION: Final = "contended"
NAMESPACE: Final = "contention"
PATIENCE: Final = 300.0


async def contend(url: str, keys: str, waiters: int, ttl: float, hold: float) -> None:
    """Let so many callers take their turn; a line says that they all wait."""
    store = open_store(url, keys=Keyring.from_text(keys), namespace=NAMESPACE)

    async def turn(number: int) -> None:
        async with store.lease(SESSION, ttl=ttl, wait=PATIENCE):
            granted = time.monotonic()
            await asyncio.sleep(hold)
            say(waiter=number, granted=granted, released=time.monotonic())

    async with store:
        try:
            turns = [asyncio.create_task(turn(number)) for number in range(waiters)]
            await asyncio.sleep(0)
            say(waiting=waiters)
            await asyncio.gather(*turns)
        except (LeaseUnavailable, SessionNotFound) as exc:
            say(failed=str(exc))


def say(**facts: object) -> None:
    """Write one line."""
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    url, keys, waiters, ttl, hold = sys.argv[1:]
    asyncio.run(contend(url, keys, int(waiters), float(ttl), float(hold)))
