"""Using tools: each has its time, a second try, and a breaker for while it is out."""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Final, TypeVar

from holdfast.breaker import Breaker, BreakerPolicy, Permit
from holdfast.errors import StoreUnavailable
from holdfast.support.errors import EngineFailed
from holdfast.support.knowledge import KnowledgeUnavailable

T = TypeVar("T")

logger = logging.getLogger(__name__)

# Half of five uses or more in a minute failed: then it is left alone for ten seconds.
POLICY: Final = BreakerPolicy(minimum_calls=5, window=60.0, pause=10.0, permits=1)


class Toolbox:
    """The tools of one engine that are not switched `off`; a use may take `timeout` seconds."""

    def __init__(
        self, names: Collection[str], *, off: Collection[str] = (), timeout: float = 5.0
    ) -> None:
        self._timeout = timeout
        self._breakers = {name: Breaker(POLICY) for name in names if name not in off}

    def __contains__(self, name: str) -> bool:
        return name in self._breakers

    async def use(self, name: str, work: Callable[[], T]) -> T:
        """Do what a tool does, in a thread; once more if that failed.

        Raises:
            EngineFailed: it failed again, or has failed too often of late.
        """
        try:
            return await self._once(name, work)
        except (TimeoutError, KnowledgeUnavailable):
            logger.info("support.tool_failed", extra={"tool": name})
        try:
            return await self._once(name, work)
        except (TimeoutError, KnowledgeUnavailable) as exc:
            raise EngineFailed(f"the tool {name} failed") from exc

    async def _once(self, name: str, work: Callable[[], T]) -> T:
        permit = self._permit(name)
        answered: bool | None = None
        try:
            async with asyncio.timeout(self._timeout):
                result = await asyncio.to_thread(work)
            answered = True
        except (TimeoutError, KnowledgeUnavailable):
            answered = False
            raise
        finally:
            permit.settle(answered)
        return result

    def _permit(self, name: str) -> Permit:
        try:
            return self._breakers[name].admit()
        except StoreUnavailable as exc:
            reason = f"the tool {name} has failed too often"
            raise EngineFailed(reason, retry_after=exc.retry_after) from exc
