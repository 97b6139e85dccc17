"""What becomes of the keys while the service runs is put on the trail, by every worker."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from holdfast.key_file import LOOKS_EVERY
from holdfast.keyring import Keyring
from holdfast.server.alongside import alongside
from holdfast.server.audit import Trail
from holdfast.server.database import DatabaseUnavailable

logger = logging.getLogger(__name__)


@asynccontextmanager
async def telling_of_keys(keys: Keyring, trail: Trail) -> AsyncGenerator[None]:
    """Put every change of the keys on the trail for as long as the block lasts."""
    async with alongside(_keep_looking(keys, trail), name="holdfast-keys"):
        yield


async def _keep_looking(keys: Keyring, trail: Trail) -> None:
    before = keys.current()
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        now = keys.current()
        if now is not before:
            try:
                await tell_of_keys(trail, before, now)
            except DatabaseUnavailable:
                # The next look tells of it, when the trail can be written again.
                logger.exception("keys.change_not_on_trail")
                continue
            before = now


async def tell_of_keys(trail: Trail, before: Keyring, now: Keyring) -> None:
    """Tell which keys came, which one seals now, and which are gone; by their ids."""
    old, new = ({key.key_id for key in ring} for ring in (before, now))
    for key_id in sorted(new - old):
        await trail.record("key.generated", key=key_id)
    if now.primary.key_id != before.primary.key_id:
        await trail.record("key.rotated", key=now.primary.key_id, before=before.primary.key_id)
    for key_id in sorted(old - new):
        await trail.record("key.retired", key=key_id)
