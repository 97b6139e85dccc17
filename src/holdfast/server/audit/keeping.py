"""Keeping the trail: rows into the ledger, then the anchor behind them."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import DecryptionFailed, SessionRolledBack
from holdfast.keyring import Keyring
from holdfast.server.audit.anchor import Anchor
from holdfast.server.audit.chain import Chain, Entry, Head, written, written_time
from holdfast.server.audit.ledger import Ledger
from holdfast.server.audit.trail import Trail
from holdfast.server.audit.writer import writing
from holdfast.server.database import Database
from holdfast.store import SessionStore

logger = logging.getLogger(__name__)


class Keeper:
    """Adds entries to the ledger and moves the anchor behind them."""

    def __init__(self, ledger: Ledger, anchor: Anchor, *, clock: Clock) -> None:
        self._ledger = ledger
        self._anchor = anchor
        self._clock = clock

    async def write(self, entries: Sequence[Entry]) -> None:
        """Add entries; the anchor follows in `settle`.

        Raises:
            DatabaseUnavailable: none of them was added.
        """
        await self._ledger.append(entries)

    async def settle(self) -> None:
        """Look whether the trail still has what the anchor knows of, and move the anchor on.

        What is missing is logged as an error and put on the trail, which goes on from there.
        """
        # The anchor first: what it knows of was in the ledger before.
        try:
            anchored = await self._anchor.read()
        except (DecryptionFailed, SessionRolledBack):
            await self._begin_anew(Head(0, "unreadable"))
            return
        if not await self._ledger.has(anchored):
            await self._begin_anew(anchored)
        elif (head := await self._ledger.head()) != anchored:
            await self._anchor.move(head)

    async def _begin_anew(self, anchored: Head) -> None:
        found = await self._ledger.head()
        facts = {"anchored": str(anchored), "found": str(found)}
        logger.error("trail.cut", extra=facts)
        at = written_time(self._clock)
        cut = Entry(at, "trail.cut", "found", None, None, None, None, written(facts))
        await self._anchor.replace(await self._ledger.append([cut]))


@asynccontextmanager
async def open_trail(
    database: Database, store: SessionStore[Any], keys: Keyring, *, clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[Trail]:
    """Open the trail of the store's namespace; at the end of the block all of it is written.

    Raises:
        DatabaseUnavailable: the ledger cannot be used.
    """
    namespace = store.terms.namespace
    ledger = Ledger(database, Chain(keys, namespace=namespace))
    keeper = Keeper(ledger, Anchor(store, keys), clock=clock)
    await keeper.settle()
    async with writing(keeper.write, then=keeper.settle) as writer:
        yield Trail(keys, namespace=namespace, writer=writer, clock=clock)
