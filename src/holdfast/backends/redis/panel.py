"""The Sentinels of a primary: who it is now, and word at once when it is another."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.backends.redis.greeting import Greeting
from holdfast.backends.redis.link import Command, Refused
from holdfast.backends.redis.location import Address, Location
from holdfast.backends.redis.node import Node
from holdfast.backends.redis.resp import encode
from holdfast.errors import InvalidStore, StoreUnavailable

SWITCH: Final = b"+switch-master"
# Said earlier, by the Sentinel that leads the failover alone: the old primary still serves then.
PROMOTED: Final = b"+promoted-slave"
# How long one Sentinel is waited for before the next is asked, in seconds.
PATIENCE: Final = 0.5


class Panel:
    """All Sentinels of a location, each over a connection that also brings its announcements.

    `on_switch` is told of the address of a new primary, `on_doubt` that there may have been one:
    a Sentinel is there again, and nobody knows what it announced meanwhile.
    """

    def __init__(
        self,
        location: Location,
        *,
        on_switch: Callable[[Address], None],
        on_doubt: Callable[[], None],
    ) -> None:
        self._location = location
        self._name = location.primary.encode()
        self._on_switch = on_switch
        self._on_doubt = on_doubt
        self._question = Command(encode(b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._name))
        self._nodes = [
            _listening(address, location, self._heard, on_doubt) for address in location.addresses
        ]

    async def open(self) -> None:
        """Connect to all.

        Raises:
            InvalidStore: none answers as a Sentinel does.
            StoreUnavailable: none answers.
        """
        results = await asyncio.gather(
            *(node.open() for node in self._nodes), return_exceptions=True
        )
        for node in self._nodes:
            node.begin()
        failures = [result for result in results if result is not None]
        if len(failures) == len(self._nodes):
            raise next((f for f in failures if not isinstance(f, StoreUnavailable)), failures[0])

    async def close(self) -> None:
        """Leave no connection behind."""
        await asyncio.gather(*(node.close() for node in self._nodes))

    async def primary(self) -> Address:
        """Ask one Sentinel after the other; the first that answers is the first asked next time.

        Raises:
            InvalidStore: they answer, and none knows the primary.
            StoreUnavailable: none answers.
        """
        unknown = False
        for node in tuple(self._nodes):
            try:
                async with asyncio.timeout(PATIENCE):
                    answer = await node.send(self._question)
            except (StoreUnavailable, TimeoutError, Refused):
                continue
            if answer is not None:
                self._nodes.remove(node)
                self._nodes.insert(0, node)
                return Address(answer[0].decode(), int(answer[1]))
            unknown = True
        if unknown:
            reason = f"its Sentinels know no primary {self._location.primary!r}"
            raise InvalidStore(str(self._location), reason)
        raise StoreUnavailable("No Sentinel of the session store answers")

    def statistics(self) -> Mapping[str, int]:
        """Count the Sentinels that are there."""
        return {"sentinels": sum(node.connected for node in self._nodes)}

    def _heard(self, node: Node, channel: bytes, message: bytes) -> None:
        """Take an announcement; whoever made it knows most, and is asked first from now on."""
        name, address = _read(channel, message)
        if name == self._name:
            self._nodes.remove(node)
            self._nodes.insert(0, node)
            self._on_switch(address)


def _read(channel: bytes, message: bytes) -> tuple[bytes, Address]:
    """Read of which primary an announcement is, and where that is now.

    `<name> <old host> <old port> <new host> <new port>`, and of a promotion
    `slave <its name> <host> <port> @ <name> <old host> <old port>`.
    """
    words = message.split(b" ")
    if channel == SWITCH:
        name, host, port = words[0], words[3], words[4]
    else:
        name, host, port = words[5], words[2], words[3]
    return name, Address(host.decode(), int(port))


def _listening(
    address: Address,
    location: Location,
    on_message: Callable[[Node, bytes, bytes], None],
    on_connected: Callable[[], None],
) -> Node:
    ear = _Ear(on_message, on_connected)

    def check(greeting: Greeting) -> None:
        if greeting.mode != "sentinel":
            raise InvalidStore(str(location), f"{address} is no Sentinel")

    ear.node = Node(address, location.sentinel_settings, hearing=ear, check=check)
    return ear.node


class _Ear:
    """Subscribes to announcements on every new connection to one Sentinel."""

    def __init__(
        self, on_message: Callable[[Node, bytes, bytes], None], on_connected: Callable[[], None]
    ) -> None:
        self.node: Node | None = None
        self._on_message = on_message
        self._on_connected = on_connected

    def pushed(self, kind: bytes, message: list[Any]) -> None:
        if kind == b"message" and self.node is not None:
            self._on_message(self.node, message[1], message[2])

    def connected(self) -> None:
        if self.node is not None:
            for channel in (SWITCH, PROMOTED):
                command = Command(encode(b"SUBSCRIBE", channel), subscribes=True)
                self.node.send(command).add_done_callback(_seen)
        self._on_connected()

    def lost(self) -> None:
        """Do nothing: the node connects again."""

    def moved(self) -> None:
        """Do nothing: a Sentinel has no buckets."""


def _seen(future: "asyncio.Future[Any]") -> None:
    """Look at an error that nobody waits for; a lost connection is opened and subscribed again."""
    if not future.cancelled():
        future.exception()
