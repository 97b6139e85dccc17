"""A cluster: every bucket on the primary that has its slot, wherever slots and primaries go."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Mapping
from typing import Final, Self

from holdfast.backends.entering import already_open
from holdfast.backends.redis import mapping, marking
from holdfast.backends.redis.hearing import Hearing
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.location import Address, Location
from holdfast.backends.redis.mapping import Map
from holdfast.backends.redis.node import DEAF, Node
from holdfast.backends.redis.redirecting import answer_of, asking, read_move
from holdfast.backends.redis.refusals import Reaction, refusal_of, unavailable
from holdfast.backends.redis.resp import PING
from holdfast.backends.redis.slots import slot_of
from holdfast.errors import InvalidStore, StoreUnavailable

logger = logging.getLogger(__name__)

BUCKETS: Final = 256
# Between two questions for the map, in seconds: at least, and at most while a primary is missing.
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 0.5
# How long a command is sent again at most, when nobody gives up earlier.
PATIENCE: Final = 10.0
# Between two sendings of one command: after so many that followed a redirection at once.
HOPS: Final = 4
SHORTEST_WAIT: Final = 0.005
LONGEST_WAIT: Final = 0.1


class Cluster:
    """A link to all primaries of a cluster; replicas are never asked.

    The map of the slots is asked for again when a node says that a slot moved or that the cluster
    is down, and when the connection to a primary is lost: from then on until every primary is
    there. Entering raises as `Single` does.
    """

    buckets = BUCKETS

    def __init__(self, location: Location, *, hearing: Hearing = DEAF) -> None:
        self._location = location
        self._hearing = hearing
        self._slots = [slot_of(bucket) for bucket in range(BUCKETS)]
        self._owners: list[Node | None] = [None] * BUCKETS
        self._nodes: dict[Address, Node] = {}
        # Nodes without a slot of ours that a redirection went to since the map was drawn.
        self._guests: set[Address] = set()
        self._doubt = asyncio.Event()
        self._moved = False
        self._keeping: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._counts = Counter[str]()
        self._open = self._serving = False

    async def __aenter__(self) -> Self:
        if self._open:
            raise already_open("redis")
        self._open = self._serving = True
        try:
            self._draw(await self._ask_seeds())
            pings = [node.send(Command(PING)) for node in self._nodes.values()]
            await asyncio.gather(*pings, return_exceptions=True)
            await marking.ensure(self._send_mark, BUCKETS, str(self._location))
        except BaseException:
            await self.__aexit__()
            raise
        self._keeping = asyncio.create_task(self._keep(), name="holdfast-redis-cluster")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        # Whoever asks from now on, or is told to ask elsewhere, learns that the store is closed.
        self._serving = False
        self._owners = [None] * BUCKETS
        nodes = tuple(self._nodes.values())
        self._nodes.clear()
        keeping, self._keeping = self._keeping, None
        try:
            if keeping is not None:
                keeping.cancel()
                await asyncio.wait((keeping,))
        finally:
            try:
                await asyncio.gather(*(node.close() for node in nodes), *self._leaving)
            finally:
                self._open = False

    def send(self, bucket: int, command: Command) -> "asyncio.Future[Reply]":
        """Queue a command."""
        return self._owner(bucket).send(command)

    def part_of(self, bucket: int) -> str:
        """Name the primary that has a bucket now; "" where nobody has it."""
        owner = self._owners[bucket]
        return owner.name if owner is not None else ""

    def last_heard(self, bucket: int) -> float:
        """Say when anything came from the primary that has a bucket."""
        owner = self._owners[bucket]
        return owner.last_heard if owner is not None else 0.0

    def statistics(self) -> Mapping[str, int]:
        """Count connections, bytes and commands under way; nodes, redirections, failovers.

        A failover is a primary that lost all its slots, to whomever.
        """
        counts = Counter({"map_refreshes": 0, "redirects": 0, "failovers": 0})
        counts.update(self._counts)
        for node in self._nodes.values():
            counts.update(node.statistics())
        return {**counts, "nodes": len(self._nodes)}

    async def recover(self, bucket: int, command: Command, refused: Refused) -> Reply:
        """Follow redirections, load missing scripts, wait for a slot that is on its way."""
        node, sent = self._owner(bucket), command
        ends = asyncio.get_running_loop().time() + PATIENCE
        hops = 0
        while asyncio.get_running_loop().time() < ends:
            reaction = refusal_of(refused).reaction
            if hops >= HOPS or reaction in {Reaction.TRY_AGAIN, Reaction.REDISCOVER}:
                await asyncio.sleep(min(SHORTEST_WAIT * 2.0**hops, LONGEST_WAIT))
            hops += 1
            match reaction:
                case Reaction.LOAD if command.script is not None:
                    await node.load(command.script)
                case Reaction.MOVED:
                    node, sent = self._moved_to(node, refused), command
                case Reaction.ASK:
                    node, sent = self._guest(node, refused), asking(command)
                case Reaction.TRY_AGAIN | Reaction.REDISCOVER:
                    if reaction is Reaction.REDISCOVER:
                        self._doubt.set()
                    node, sent = self._owner(bucket), command
                case _:
                    raise self._final(node, refused)
            try:
                return answer_of(sent, await node.send(sent))
            except Refused as again:
                refused = again
        raise unavailable(refused)

    async def _send_mark(self, command: Command) -> Reply:
        try:
            return await self.send(0, command)
        except Refused as refused:
            failure = refused
        return await self.recover(0, command, failure)

    # Redirections.

    def _owner(self, bucket: int) -> Node:
        owner = self._owners[bucket]
        if owner is None:
            if not self._serving:
                raise StoreUnavailable("The session store is not open")
            raise StoreUnavailable("No node of the cluster has the session's slot")
        return owner

    def _moved_to(self, asked: Node, refused: Refused) -> Node:
        """Note at once where a slot is, and ask for the whole map."""
        slot, address = read_move(refused, asked=asked.address)
        node = self._node_at(address)
        for bucket, its_slot in enumerate(self._slots):
            if its_slot == slot and self._owners[bucket] is not node:
                self._owners[bucket] = node
                self._moved = True
                # What was tracked and subscribed there is gone, map or no map.
                self._hearing.lost()
        self._counts["redirects"] += 1
        self._doubt.set()
        return node

    def _guest(self, asked: Node, refused: Refused) -> Node:
        _, address = read_move(refused, asked=asked.address)
        self._counts["redirects"] += 1
        self._guests.add(address)
        return self._node_at(address)

    def _final(self, node: Node, refused: Refused) -> Exception:
        """Give what a caller is told of an error that sending again does not help against."""
        reaction, reason = refusal_of(refused)
        if reaction is Reaction.FAULT:
            return refused
        if reaction is Reaction.RECONNECT:
            node.drop(reason)
        if refused.code == "CLUSTERDOWN":
            self._doubt.set()
        return unavailable(refused)

    # The map.

    async def _keep(self) -> None:
        """Draw the map anew whenever there is doubt, and until all primaries are there."""
        pause = FIRST_PAUSE
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            try:
                await self._refresh()
            except Exception:
                logger.exception("redis.map_not_drawn")
                self._doubt.set()
            owners = set(self._owners)
            if all(owner is not None and owner.connected for owner in owners):
                pause = FIRST_PAUSE
            else:
                self._doubt.set()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE) if self._doubt.is_set() else FIRST_PAUSE

    async def _refresh(self) -> None:
        self._counts["map_refreshes"] += 1
        there = [node for node in self._nodes.values() if node.connected]
        random.shuffle(there)
        found = await mapping.ask(there, self._slots)
        if found is None:
            try:
                found = await self._ask_seeds()
            except (StoreUnavailable, InvalidStore) as exc:
                logger.info("redis.no_map", extra={"reason": exc.reason})
                return
        self._draw(found)
        if self._moved:
            self._moved = False
            self._hearing.moved()

    async def _ask_seeds(self) -> Map:
        """Ask the nodes that the location names, one after the other.

        Raises:
            InvalidStore: the first that answers is in no cluster, or cannot be used.
            StoreUnavailable: none answers.
        """
        failure = StoreUnavailable("No node of the cluster answers")
        for address in self._location.addresses:
            node = Node(address, self._location.settings)
            try:
                await node.open()
                if node.greeting is not None and node.greeting.mode != "cluster":
                    reason = f"{address} is in no cluster; use redis:// for a single node"
                    raise InvalidStore(str(self._location), reason)
                if found := await mapping.ask([node], self._slots):
                    return found
            except StoreUnavailable as exc:
                failure = exc
            finally:
                await node.close()
        raise failure

    def _draw(self, found: Map) -> None:
        """Take a map into use; nodes that have no slot of ours any more are left."""
        before = {owner for owner in self._owners if owner is not None}
        for bucket, slot in enumerate(self._slots):
            address = found.owners.get(slot)
            owner = None if address is None else self._node_at(address)
            self._moved |= owner is not self._owners[bucket]
            self._owners[bucket] = owner
        replaced = before - set(self._owners)
        self._counts["failovers"] += len(replaced)
        needed = {owner.address for owner in self._owners if owner is not None} | self._guests
        self._guests.clear()
        for address in self._nodes.keys() - needed:
            self._leave(self._nodes.pop(address))

    def _node_at(self, address: Address) -> Node:
        node = self._nodes.get(address)
        if node is None:
            if not self._serving:
                raise StoreUnavailable("The session store is closed")
            settings = self._location.settings
            node = Node(address, settings, hearing=self._hearing, on_lost=self._lost)
            self._nodes[address] = node
            node.begin()
        return node

    def _leave(self, node: Node) -> None:
        async def leave() -> None:
            await node.close()
            self._counts.update(node.traffic.statistics())

        leaving = asyncio.create_task(leave(), name="holdfast-redis-leaving")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _lost(self, node: Node, reason: str) -> None:
        self._doubt.set()
