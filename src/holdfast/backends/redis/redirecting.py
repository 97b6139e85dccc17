"""Commands to a node that does not have their slot yet: its keys are on their way there."""

from typing import Final

from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.location import Address
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.slots import read_address

ASKING: Final = encode(b"ASKING")
MULTI: Final = encode(b"MULTI")
EXEC: Final = encode(b"EXEC")


def read_move(refused: Refused, *, asked: Address) -> tuple[int, Address]:
    """Read `MOVED <slot> <address>` or `ASK <slot> <address>`."""
    slot, address = refused.rest.split(" ")[:2]
    return int(slot), read_address(address, asked=asked)


def asking(command: Command) -> Command:
    """Make a command that a node runs although it has only begun to import the slot.

    `ASKING` holds for one command, which another prelude would be; so a command that has one
    becomes a transaction, where both hold.
    """
    if not command.prelude:
        return command._replace(prelude=ASKING, preludes=1)
    before = ASKING + MULTI + command.prelude + command.payload
    return Command(EXEC, prelude=before, preludes=command.preludes + 3)


def answer_of(sent: Command, reply: Reply) -> Reply:
    """Take the answer to a command out of the answer to the transaction that it became.

    Raises:
        Refused: the transaction was carried out, the command in it was not.
    """
    if sent.payload is not EXEC:
        return reply
    answer = reply[-1]
    if isinstance(answer, Refused):
        raise answer
    return answer
