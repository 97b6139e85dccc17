"""One worker's part of a round: many callers at once on one store, all of it written down."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from holdfast.errors import HoldfastError
from holdfast.testing.histories import Call, Recorder, Reply, perform
from holdfast.testing.histories.calls import Store
from holdfast.testing.histories.events import monotonic
from holdfast.testing.histories.recording import reply_of
from holdfast.verification.load import Caller
from holdfast.verification.plan import Order, Played
from holdfast.verification.watching import Watcher

WATCHERS: Final = 3
# How often a caller holds a session for several changes, instead of making one call.
TENURES: Final = 0.01
# How long, at most, a caller waits after it was told that the store is not available.
UNAVAILABLE: Final = 0.05
# A cancellation comes within so many times what calls have taken of late.
CANCELLED_WITHIN: Final = 1.5


async def play(store: Store, order: Order, recorder: Recorder, *, name: str) -> Played:
    """Follow an order until its time or its number of calls is used up."""
    player = _Player(store, order, recorder, seed=f"{order.seed}/{name}")
    before = store.backend.statistics()
    loop = asyncio.get_running_loop()
    blocks = [loop.call_later(at, player.block, seconds) for at, seconds in order.blocks]
    await player.play(name, order)
    for block in blocks:
        block.cancel()
    counted = {what: n - before.get(what, 0) for what, n in store.backend.statistics().items()}
    return Played(
        player.cancelled, player.blocks, {what: n for what, n in counted.items() if n > 0}
    )


class _Player:
    def __init__(self, store: Store, order: Order, recorder: Recorder, *, seed: str) -> None:
        self._store = store
        self._recorder = recorder
        self._dice = random.Random(seed)
        self._until = order.until
        self._left = order.operations
        self._cancelled_share = order.cancelled_share
        self._typical = 0.001
        self.cancelled = 0
        self.blocks: list[tuple[int, int]] = []

    async def play(self, name: str, order: Order) -> None:
        """Have callers call and watchers watch, until the callers have ended."""
        ids, seed = order.session_ids, f"{order.seed}/{name}"
        near = bool(self._store.near_cache)
        async with asyncio.TaskGroup() as group:
            watchers = [
                Watcher(self._store, self._recorder, f"{name}/watch{number}", ids, seed=seed)
                for number in range(WATCHERS)
            ]
            watching = [group.create_task(watcher.keep_watching()) for watcher in watchers]
            callers = [
                Caller(f"{name}/{number}", session_ids=ids, seed=seed, near=near)
                for number in range(order.callers)
            ]
            calling = [group.create_task(self.keep_calling(caller)) for caller in callers]
            await asyncio.gather(*calling)
            for watcher, watched in zip(watchers, watching, strict=True):
                group.create_task(watcher.leave(watched))

    def block(self, seconds: float) -> None:
        """Stand still with all callers, as a program does that computes in its event loop."""
        began = monotonic()
        time.sleep(seconds)
        self.blocks.append((began, monotonic()))

    async def keep_calling(self, caller: Caller) -> None:
        while self._left > 0 and monotonic() < self._until:
            self._left -= 1
            if self._dice.random() < TENURES:
                await self._maybe_cancelled(partial(self._hold, caller))
            else:
                await self._maybe_cancelled(partial(self._call, caller, caller.call()))
            # A store that never waits would let one caller go on alone.
            await asyncio.sleep(0)

    async def _maybe_cancelled(self, work: Callable[[], Awaitable[Any]]) -> None:
        if not self._cancelled_share or self._dice.random() >= self._cancelled_share:
            began = time.perf_counter()
            await work()
            self._typical = 0.9 * self._typical + 0.1 * (time.perf_counter() - began)
            return
        task = asyncio.ensure_future(work())
        await self._let_run(task)
        if task.cancel():
            self.cancelled += 1
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def _let_run(self, task: "asyncio.Future[Any]") -> None:
        """Wait for a few turns of the loop, or for a part of what calls usually take."""
        if self._dice.random() < 0.5:
            for _ in range(self._dice.randint(1, 8)):
                await asyncio.sleep(0)
        else:
            longest = CANCELLED_WITHIN * self._typical
            await asyncio.wait([task], timeout=longest * self._dice.random())

    async def _call(self, caller: Caller, call: Call) -> None:
        work = partial(perform, self._store, call)
        reply = await self._recorder.record(caller.name, call, work)
        caller.learn(call, reply)
        if reply.error == "StoreUnavailable":
            # Everybody who asks on and on while there is nobody to answer learns the same.
            await asyncio.sleep(UNAVAILABLE * self._dice.random())

    async def _hold(self, caller: Caller) -> None:
        """Hold a session for a few changes, with the store renewing the lease meanwhile."""
        call = caller.tenure()
        number = self._recorder.begin(caller.name, call)
        answered = False
        try:
            ttl, wait = call.request["ttl"], call.request["wait"]
            async with self._store.lease(call.session, ttl=ttl, wait=wait) as lease:
                granted = {"token": lease.token, "fence": lease.fence}
                answered = True
                self._recorder.end(number, Reply("ok", granted))
                try:
                    await self._work_under(caller, call.session, lease.token)
                finally:
                    # The end of the block gives the lease back, and does not say when.
                    given_back = Call("release", call.session, {"token": lease.token})
                    self._recorder.begin(caller.name, given_back)
        except HoldfastError as exc:
            if not answered:
                self._recorder.end(number, reply_of(exc))
        except asyncio.CancelledError:
            if not answered:
                self._recorder.end(number, Reply("unknown", error="CancelledError"))
            raise

    async def _work_under(self, caller: Caller, session: str, token: str) -> None:
        for _ in range(self._dice.randint(1, 4)):
            await self._call(caller, caller.change_under(session, token))
            await asyncio.sleep(self._dice.random() * 0.02)
