"""A primary that Sentinels name: when they name another one, everything goes there at once."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final, Self

from holdfast.backends.entering import already_open
from holdfast.backends.redis import marking
from holdfast.backends.redis.greeting import Greeting
from holdfast.backends.redis.hearing import Hearing
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.location import Address, Location
from holdfast.backends.redis.node import DEAF, Node
from holdfast.backends.redis.panel import Panel
from holdfast.backends.redis.refusals import Reaction, refusal_of, unavailable
from holdfast.backends.redis.resp import encode
from holdfast.errors import InvalidStore, StoreUnavailable

logger = logging.getLogger(__name__)

ROLE: Final = Command(encode(b"ROLE"))
# How often the primary is asked whether it still is one, in seconds.
ROLE_INTERVAL: Final = 1.0
# How long a refused command waits for a primary at most, and the pauses between questions.
PATIENCE: Final = 10.0
FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5


class Sentinel:
    """A link to the primary of a set of replicas; replicas themselves are never asked.

    The connection to a primary is given up as soon as a Sentinel announces another, or it says
    itself that it is none: what was under way there has an unknown outcome. It is asked every
    second; and a connection to what is no primary is never taken into use.
    """

    buckets = 1

    def __init__(self, location: Location, *, hearing: Hearing = DEAF) -> None:
        self._location = location
        self._hearing = hearing
        self._node: Node | None = None
        self._panel: Panel | None = None
        self._following: asyncio.Task[None] | None = None
        self._doubt = asyncio.Event()
        self._found = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()
        self._counts = Counter[str]()

    async def __aenter__(self) -> Self:
        if self._panel is not None:
            raise already_open("redis")
        self._panel = Panel(self._location, on_switch=self._switch, on_doubt=self._doubt.set)
        try:
            await self._panel.open()
            node = self._made(await self._panel.primary())
            await node.open()
            self._node = node
            await marking.ensure(self._node.send, self.buckets, str(self._location))
        except BaseException:
            await self.__aexit__()
            raise
        self._found.set()
        self._following = asyncio.create_task(self._follow(self._panel), name="holdfast-sentinel")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        panel, self._panel = self._panel, None
        node, self._node = self._node, None
        following, self._following = self._following, None
        try:
            if following is not None:
                following.cancel()
                await asyncio.wait((following,))
        finally:
            closings = [each.close() for each in (node, panel) if each is not None]
            await asyncio.gather(*closings, *self._leaving)

    def send(self, bucket: int, command: Command) -> "asyncio.Future[Reply]":
        """Queue a command."""
        return self._primary().send(command)

    def part_of(self, bucket: int) -> str:
        """Name no part: one node has all buckets."""
        return ""

    def last_heard(self, bucket: int) -> float:
        """Say when anything came from the primary."""
        return self._node.last_heard if self._node is not None else 0.0

    def statistics(self) -> Mapping[str, int]:
        """Count connections, bytes and commands under way; failovers, and Sentinels that answer."""
        counts = Counter(self._counts)
        counts.update(self._node.statistics() if self._node is not None else {})
        counts.update(self._panel.statistics() if self._panel is not None else {})
        return {"failovers": 0, **counts}

    async def recover(self, bucket: int, command: Command, refused: Refused) -> Reply:
        """Load a missing script, wait for the primary when this was none, and send again."""
        ends = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < ends:
            node = self._primary()
            reaction, reason = refusal_of(refused)
            match reaction:
                case Reaction.LOAD if command.script is not None:
                    await node.load(command.script)
                case Reaction.REDISCOVER:
                    await self._find_again(refused)
                case Reaction.FAULT:
                    raise refused
                case _:
                    if reaction is Reaction.RECONNECT:
                        node.drop(reason)
                    break
            try:
                return await self._primary().send(command)
            except Refused as again:
                refused = again
        raise unavailable(refused)

    def _primary(self) -> Node:
        if self._node is None:
            raise StoreUnavailable("The session store is not open")
        return self._node

    async def _find_again(self, refused: Refused) -> None:
        """Wait until there is a primary again."""
        self._found.clear()
        self._doubt.set()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._found.wait()
        except TimeoutError as exc:
            raise unavailable(refused) from exc

    # Following the primary.

    async def _follow(self, panel: Panel) -> None:
        """Find the primary again whenever there is doubt about it."""
        while True:
            try:
                async with asyncio.timeout(ROLE_INTERVAL):
                    await self._doubt.wait()
            except TimeoutError:
                if await self._still_primary():
                    continue
            self._doubt.clear()
            await self._find(panel)
            self._found.set()

    async def _find(self, panel: Panel) -> None:
        """Ask until there is a connection to the primary that the Sentinels name."""
        pause = FIRST_PAUSE
        while True:
            try:
                self._switch(await panel.primary())
                if await self._still_primary():
                    return
            except (StoreUnavailable, InvalidStore) as exc:
                logger.info("redis.no_primary", extra={"reason": exc.reason})
            except Exception:
                logger.exception("redis.primary_not_found")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _still_primary(self) -> bool:
        """Ask the node whether it is the primary; one that is none is left."""
        node = self._primary()
        try:
            async with asyncio.timeout(ROLE_INTERVAL):
                answer = await node.send(ROLE)
        except (StoreUnavailable, TimeoutError, Refused):
            return False
        if answer[0] == b"master":
            return True
        node.drop("The session store's node is no primary any more")
        return False

    def _switch(self, address: Address) -> None:
        """Send everything to another node from now on, and leave the one before at once."""
        before = self._node
        if before is None:
            # The first one is not there yet: once it is, the Sentinels are asked again.
            self._doubt.set()
            return
        if before.address == address:
            return
        self._counts["failovers"] += 1
        logger.info("redis.primary_moved", extra={"primary": str(address)})
        node = self._node = self._made(address)
        before.drop("The session store has another primary now")
        leaving = asyncio.create_task(self._leave(before), name="holdfast-sentinel-leaving")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        node.begin()
        self._doubt.set()

    async def _leave(self, node: Node) -> None:
        await node.close()
        self._counts.update(node.traffic.statistics())

    def _made(self, address: Address) -> Node:
        return Node(
            address,
            self._location.settings,
            hearing=self._hearing,
            on_lost=self._lost,
            check=_must_be_primary,
        )

    def _lost(self, node: Node, reason: str) -> None:
        if node is self._node:
            self._doubt.set()


def _must_be_primary(greeting: Greeting) -> None:
    if greeting.role != "master":
        raise StoreUnavailable("The session store's node is a replica, which only reads")
