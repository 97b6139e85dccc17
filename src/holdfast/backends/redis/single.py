"""One node: all sessions in one bucket."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Final, Self

from holdfast.backends.entering import already_open
from holdfast.backends.redis import marking
from holdfast.backends.redis.hearing import Hearing
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.location import Location
from holdfast.backends.redis.node import DEAF, Node
from holdfast.backends.redis.refusals import Reaction, refusal_of, unavailable
from holdfast.backends.redis.resending import send_with_script
from holdfast.errors import StoreUnavailable

# So far apart connections are left for what the server refuses, in seconds.
APART: Final = 1.0


class Single:
    """A link to one Redis or Valkey server, over TCP, TLS or a Unix socket.

    Entering raises `InvalidStore` when the server is too old, refuses the password, or keeps a
    store of another shape, and `StoreUnavailable` when it cannot be reached.
    """

    buckets = 1

    def __init__(self, location: Location, *, hearing: Hearing = DEAF) -> None:
        self._location = location
        self._hearing = hearing
        self._node: Node | None = None
        self._left = 0.0

    async def __aenter__(self) -> Self:
        if self._node is not None:
            raise already_open("redis")
        node = Node(self._location.addresses[0], self._location.settings, hearing=self._hearing)
        self._node = node
        try:
            await node.open()
            await marking.ensure(node.send, self.buckets, str(self._location))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        node, self._node = self._node, None
        if node is not None:
            await node.close()

    def send(self, bucket: int, command: Command) -> "asyncio.Future[Reply]":
        """Queue a command."""
        node = self._node
        if node is None:
            raise StoreUnavailable("The session store is not open")
        return node.send(command)

    def part_of(self, bucket: int) -> str:
        """Name no part: one node has all buckets."""
        return ""

    def last_heard(self, bucket: int) -> float:
        """Say when anything came from the server."""
        return self._node.last_heard if self._node is not None else 0.0

    def statistics(self) -> Mapping[str, int]:
        """Count connections, bytes, and commands under way."""
        return self._node.statistics() if self._node is not None else {}

    async def recover(self, bucket: int, command: Command, refused: Refused) -> Reply:
        """Load a missing script; leave a connection to what cannot serve."""
        node = self._node
        if node is None:
            raise StoreUnavailable("The session store is not open")
        reaction, reason = refusal_of(refused)
        if reaction is Reaction.LOAD and command.script is not None:
            try:
                return await send_with_script(node, command, command.script)
            except Refused as again:
                refused = again
                reaction, reason = refusal_of(again)
        if reaction is Reaction.FAULT:
            raise refused
        if reaction in {Reaction.REDISCOVER, Reaction.RECONNECT}:
            self._leave(node, reason)
        raise unavailable(refused)

    def _leave(self, node: Node, reason: str) -> None:
        """Connect anew, to whatever the name stands for now; all who share the connection pay."""
        now = monotonic()
        if now - self._left >= APART:
            self._left = now
            node.drop(reason)
