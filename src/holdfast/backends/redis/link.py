"""The line between verbs and nodes: commands go to wherever their bucket is now."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, Self

from holdfast.backends.redis.scripts import Script

# How a server begins to repeat what it was sent, in Redis from 5 on and in Valkey.
_ARGUMENTS: Final = re.compile(r", (with args beginning with|args):.*", re.DOTALL)
# What hiredis makes of an answer: bytes, int, None, list, dict; an error is raised instead.
Reply = Any


class Command(NamedTuple):
    """One command, encoded as it goes over the wire.

    With a `nonce` the answer is an array that begins with it, which is checked and taken off.
    `script` is what the command runs, loaded again on a node that does not know it. `prelude` goes
    right before on the same connection (`CLIENT CACHING YES`); it has `preludes` answers, which
    nobody sees. One that `subscribes` is answered by a push of its own kind (`ssubscribe`,
    `sunsubscribe`), which counts as its answer when it comes in its turn, or by an error.
    """

    payload: bytes
    nonce: bytes = b""
    script: Script | None = None
    prelude: bytes = b""
    preludes: int = 0
    subscribes: bool = False


class Refused(Exception):
    """A node answered with an error: `code` is its first word, as `MOVED` or `NOSCRIPT`.

    What a server repeats of a command that it does not know is left out: sessions are named in it.
    """

    def __init__(self, message: str) -> None:
        message = _ARGUMENTS.sub("", message)
        super().__init__(message)
        self.code, _, self.rest = message.partition(" ")


class Link(Protocol):
    """Brings commands to the node that has a bucket."""

    @property
    def buckets(self) -> int:
        """How many buckets the store has; fixed when it was made."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    def send(self, bucket: int, command: Command) -> "asyncio.Future[Reply]":
        """Queue a command now; the future ends with its answer.

        A future that is cancelled before the command was written withdraws it; afterwards the
        answer is taken off the wire in its turn and dropped.

        Raises (here or through the future):
            Refused: the node answered with an error; `recover` knows what to do.
            StoreUnavailable: not connected, or the connection was lost (outcome="unknown").
        """
        ...

    def part_of(self, bucket: int) -> str:
        """Name the node that has a bucket now; "" where nobody has it, or one node has all."""
        ...

    def last_heard(self, bucket: int) -> float:
        """Say when anything last came from the node that has a bucket, in seconds of the loop.

        It is 0 while there is no connection.
        """
        ...

    def statistics(self) -> Mapping[str, int]:
        """Count connections, bytes, and commands under way."""
        ...

    async def recover(self, bucket: int, command: Command, refused: Refused) -> Reply:
        """Do what an error asks for (load a script, follow a move, find the primary), send again.

        Raises:
            StoreUnavailable: the error says that the node cannot answer now.
            Refused: the error is none of the link's business: a fault of this program.
        """
        ...
