"""What nodes say unasked: keys that moved, messages, and that a connection came or went."""

from typing import Any, Protocol


class Hearing(Protocol):
    """Is told, in order with the answers, what comes over the connections of a link."""

    def pushed(self, kind: bytes, message: list[Any]) -> None:
        """Take a push; `kind` is its first word, as `invalidate` or `smessage`."""
        ...

    def connected(self) -> None:
        """Take note of a new connection to a node: nothing is tracked or subscribed on it yet."""
        ...

    def lost(self) -> None:
        """Take note that a connection is gone, and with it what it tracked and subscribed."""
        ...

    def moved(self) -> None:
        """Take note that some buckets are on other nodes now."""
        ...


class Deaf:
    """A hearing for links that nobody listens on."""

    def pushed(self, kind: bytes, message: list[Any]) -> None:
        """Drop the push."""

    def connected(self) -> None:
        """Do nothing."""

    def lost(self) -> None:
        """Do nothing."""

    def moved(self) -> None:
        """Do nothing."""
