"""A new key every second; the job that reseals is killed and begun again; old keys are retired."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final, Protocol

from benchmarks.key_rotation.callers import LOOKS_EVERY, SETTLES, Shared, opened
from holdfast import SessionStore
from holdfast.errors import InvalidKeyring
from holdfast.key_file import FollowedKeyring, check_retirable, retire, rotate
from holdfast.keyring import MAX_KEYS, read_key_file
from holdfast.resealing import SealedSpace
from holdfast.server.alongside import alongside

SPAWN: Final = get_context("spawn")
TURNS_EVERY: Final = 1.0


@dataclass
class Turned:
    """How often what was done."""

    rotations: int = 0
    retired: int = 0
    kills: int = 0
    waited: int = 0


class Job(Protocol):
    """Reseals over and over, until it is killed."""

    async def start(self) -> None: ...

    async def kill(self) -> None: ...


class Process:
    """The job in a process of its own, ended by `kill -9`."""

    def __init__(self, url: str, path: Path) -> None:
        self._begun = SPAWN.Event()
        self._process = SPAWN.Process(
            target=_reseal_in_process, args=(url, path, self._begun), daemon=True
        )

    async def start(self) -> None:
        self._process.start()
        while not self._begun.is_set():
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        self._process.kill()
        await asyncio.to_thread(self._process.join)
        self._process.close()


class Task:
    """The job as a task, cancelled wherever it is."""

    def __init__(self, space: SealedSpace) -> None:
        self._space = space
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(reseal_for_ever(self._space))

    async def kill(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


def _reseal_in_process(url: str, path: Path, begun: Event) -> None:
    async def run() -> None:
        async with opened(url, path) as store:
            begun.set()
            await reseal_for_ever(space_of(store, path))

    asyncio.run(run())


async def reseal_for_ever(space: SealedSpace) -> None:
    """Go through all sessions again and again."""
    while True:
        await space.reseal()
        await asyncio.sleep(0.01)


def space_of(store: SessionStore[Shared], path: Path) -> SealedSpace:
    """See the sessions as the job sees them."""
    keys = FollowedKeyring(path, every=LOOKS_EVERY)
    return SealedSpace(store.backend, namespace="default", keys=keys)


async def turn(path: Path, space: SealedSpace, enough: Callable[[Turned], bool]) -> Turned:
    """Put a new key in front every second, and retire those that nothing stands under."""
    turned = Turned()
    while not enough(turned):
        began = time.monotonic()
        while len(read_key_file(path)) >= MAX_KEYS:
            turned.waited += 1
            turned.retired += await retire_unused(path, space)
            await asyncio.sleep(0.1)
        rotate(path, settles=SETTLES, now=time.time())
        turned.rotations += 1
        turned.retired += await retire_unused(path, space)
        await asyncio.sleep(max(0.0, TURNS_EVERY - (time.monotonic() - began)))
    return turned


async def retire_unused(path: Path, space: SealedSpace) -> int:
    """Retire every key that cannot seal any more and that nothing stands under."""
    ids = [entry.key_id for entry in read_key_file(path)]
    idle = [key_id for key_id in ids if _retirable(path, key_id)]
    if not idle:
        return 0
    found = await space.count()
    unused = [key_id for key_id in idle if not found[key_id]]
    for key_id in unused:
        retire(path, key_id, settles=SETTLES, now=time.time())
    return len(unused)


def _retirable(path: Path, key_id: str) -> bool:
    try:
        check_retirable(read_key_file(path), key_id, settles=SETTLES, now=time.time())
    except InvalidKeyring:
        return False
    return True


@asynccontextmanager
async def killed_again_and_again(
    make: Callable[[], Job], turned: Callable[[], None]
) -> AsyncGenerator[None]:
    """Run a job for the block; it is killed within a second or two, and begun again."""
    random_number = random.Random(7)

    async def run() -> None:
        while True:
            job = make()
            try:
                await job.start()
                await asyncio.sleep(random_number.uniform(0.3, 2.5))
            finally:
                await asyncio.shield(job.kill())
            turned()

    async with alongside(run(), name="killing"):
        yield
