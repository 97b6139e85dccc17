"""The other process: it counts in sessions, and says when each count was acknowledged."""

import asyncio
import json
import sys
import time

from benchmarks.staleness.sessions import opened


async def write(url: str, keys: str, sessions: int, pause: float) -> None:
    """Count up one session after the other until the input ends."""
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.readline)
    async with opened(url, keys) as store:
        value = 0
        while not ended.done():
            value += 1
            for number in range(sessions):
                await store.increment_counter(f"s{number}", "visits")
                line = {"session": number, "value": value, "at": time.monotonic()}
                print(json.dumps(line), flush=True)
                await asyncio.sleep(pause)


if __name__ == "__main__":
    url, keys, sessions, pause = sys.argv[1:]
    asyncio.run(write(url, keys, int(sessions), float(pause)))
