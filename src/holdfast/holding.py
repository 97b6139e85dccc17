"""Holding a lease: it is renewed until the block ends, and lost loudly.

One task a process renews all leases that are held through one store. A lease that was not renewed
in time, by this process's own clock, counts as lost even if nobody has said so.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from holdfast.change import Applied, Change
from holdfast.errors import LeaseLost, LeaseUnavailable, SessionNotFound, StoreUnavailable
from holdfast.lease import Grant, Leases

logger = logging.getLogger(__name__)

RENEWED_AT: Final = 1 / 3
RETRY_PAUSE: Final = 0.05
# How long closing waits for the blocks that it has stopped, in seconds.
PATIENCE: Final = 5.0

Apply = Callable[[str, Change], Awaitable[Applied]]


class Lease:
    """A session held by this task. `lost` is set as soon as it is not held any more."""

    def __init__(self, session_id: str, grant: Grant, *, ttl: float, apply: Apply) -> None:
        self.session_id = session_id
        self.token = grant.token
        self.fence = grant.fence
        self.ttl = ttl
        self.good_until = grant.good_until
        self.lost = asyncio.Event()
        self.next_renewal = grant.good_until - ttl * (1 - RENEWED_AT)
        self._apply = apply
        self._holder = asyncio.current_task()
        self._stopped = False

    async def apply(self, change: Change) -> Applied:
        """Apply a change, refused by the store unless the lease is still held.

        Raises:
            LeaseLost: it is not; nothing of the change was applied.
        """
        if self.lost.is_set():
            raise LeaseLost(self.session_id)
        try:
            return await self._apply(self.session_id, change.under(self.token))
        except LeaseLost:
            self._tell()
            raise

    def extend(self, grant: Grant) -> None:
        """Go on holding it."""
        self.good_until = grant.good_until
        self.next_renewal = grant.good_until - self.ttl * (1 - RENEWED_AT)

    def lose(self) -> None:
        """Tell the holder, and stop its block."""
        self._tell()
        if self._holder is not None and not self._stopped:
            self._stopped = self._holder.cancel()

    def settle(self, *, cancellations: int) -> bool:
        """End the cancellation that the loss brought, and say whether it was the only one.

        `cancellations` counts those that the task had open before the block.
        """
        if self._holder is None or not self._stopped:
            return False
        self._stopped = False
        return self._holder.uncancel() <= cancellations

    def _tell(self) -> None:
        if not self.lost.is_set():
            self.lost.set()
            logger.warning("lease.lost")


class Holdings:
    """The leases that this process holds of one store's sessions."""

    def __init__(self, leases: Leases, *, apply: Apply) -> None:
        self._leases = leases
        self._apply = apply
        self._held: set[Lease] = set()
        self._users: set[tuple[str, asyncio.Task[object] | None]] = set()
        self._waiting: set[asyncio.Timeout] = set()
        self._left = asyncio.Event()
        self._closing = False
        self._renewing: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def hold(
        self, session_id: str, *, ttl: float, wait: float, steal: bool
    ) -> AsyncGenerator[Lease]:
        """Hold the session for the block; see `SessionStore.lease`."""
        with self._using(session_id, ttl=ttl):
            grant = await self._acquire(session_id, ttl=ttl, wait=wait, steal=steal)
            lease = Lease(session_id, grant, ttl=ttl, apply=self._apply)
            self._add(lease)
            try:
                async with _stopping_at_loss(lease):
                    yield lease
            finally:
                self._held.discard(lease)
                await self._give_back(lease)

    def reopen(self) -> None:
        """Lend sessions again."""
        self._closing = False

    async def aclose(self) -> None:
        """Lend nothing any more, lose what is still held, and wait a while until all is back."""
        self._closing = True
        while self._waiting:
            self._waiting.pop().reschedule(0)
        for lease in tuple(self._held):
            lease.lose()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(*self._renewing, return_exceptions=True)
        await self._wait_for_users()
        await self._leases.drain()

    @contextmanager
    def _using(self, session_id: str, *, ttl: float) -> Generator[None]:
        """Count a task among those that hold the session, or are about to."""
        me = session_id, asyncio.current_task()
        if me in self._users:
            # Waiting for oneself would never end.
            raise LeaseUnavailable(session_id, waited=0, retry_after=ttl, by_caller=True)
        self._users.add(me)
        try:
            yield
        finally:
            self._users.discard(me)
            self._left.set()

    async def _acquire(self, session_id: str, *, ttl: float, wait: float, steal: bool) -> Grant:
        """Acquire a lease, unless the store closes meanwhile."""
        if self._closing:
            raise _closing()
        waiting = asyncio.timeout(None)
        try:
            async with waiting:
                self._waiting.add(waiting)
                grant = await self._leases.acquire(session_id, ttl=ttl, wait=wait, steal=steal)
        except TimeoutError as exc:
            raise _closing() from exc
        finally:
            self._waiting.discard(waiting)
        if self._closing:
            # It was granted in the very moment in which the store began to close.
            self._leases.release_surely(session_id, grant.token)
            raise _closing()
        return grant

    async def _give_back(self, lease: Lease) -> None:
        """Release a lease; whoever has lost it is told at once, even by a store that is frozen."""
        released = self._leases.release_surely(lease.session_id, lease.token)
        if not lease.lost.is_set():
            await asyncio.shield(released)

    async def _wait_for_users(self) -> None:
        """Wait until all blocks have ended, for as long as there is patience."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while self._users:
                    self._left.clear()
                    await self._left.wait()

    def _add(self, lease: Lease) -> None:
        self._held.add(lease)
        self._changed.set()
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._keep_renewing(), name="holdfast-lease-renewal")

    async def _keep_renewing(self) -> None:
        while self._held:
            now = self._leases.monotonic()
            for lease in tuple(self._held):
                if now >= lease.good_until:
                    self._drop(lease)
                elif now >= lease.next_renewal:
                    self._start_renewal(lease)
            await self._sleep(now)

    async def _sleep(self, now: float) -> None:
        """Sleep until a lease is due, or another one is added."""
        due = min((min(held.next_renewal, held.good_until) for held in self._held), default=now)
        self._changed.clear()
        try:
            async with asyncio.timeout(max(due - now, 0.001)):
                await self._changed.wait()
        except TimeoutError:
            return

    def _start_renewal(self, lease: Lease) -> None:
        # Until this renewal is answered, the only thing that is due is the end.
        lease.next_renewal = lease.good_until
        task = asyncio.create_task(self._renew(lease), name="holdfast-lease-renew")
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _renew(self, lease: Lease) -> None:
        try:
            grant = await self._leases.renew(lease.session_id, lease.token, ttl=lease.ttl)
        except (LeaseLost, SessionNotFound):
            self._drop(lease)
        except StoreUnavailable:
            lease.next_renewal = self._leases.monotonic() + RETRY_PAUSE
            self._changed.set()
        else:
            lease.extend(grant)
            self._changed.set()

    def _drop(self, lease: Lease) -> None:
        if lease in self._held:
            self._held.discard(lease)
            lease.lose()


@asynccontextmanager
async def _stopping_at_loss(lease: Lease) -> AsyncGenerator[None]:
    """Turn the cancellation that a loss brings into `LeaseLost`; others pass."""
    holder = asyncio.current_task()
    before = holder.cancelling() if holder else 0
    try:
        yield
    except asyncio.CancelledError as exc:
        if lease.settle(cancellations=before):
            raise LeaseLost(lease.session_id) from exc
        raise
    except BaseException:
        # An error of the block itself: it passes, and its task can go on.
        lease.settle(cancellations=before)
        raise
    else:
        lease.settle(cancellations=before)
        if lease.lost.is_set():
            raise LeaseLost(lease.session_id)


def _closing() -> StoreUnavailable:
    return StoreUnavailable("The session store is closing")


def expires_at(grant: Grant, *, now: float) -> datetime:
    """Say when a lease ends, by this host's clock, as a UTC time."""
    return datetime.now(UTC) + timedelta(seconds=grant.good_until - now)
