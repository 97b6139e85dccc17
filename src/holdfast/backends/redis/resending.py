"""A command again, to a node that did not know its script."""

from holdfast.backends.redis.calling import as_arguments
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.node import Node
from holdfast.backends.redis.scripts import Script


async def send_with_script(node: Node, command: Command, script: Script) -> Reply:
    """Load the script and send again; if it is flushed in between, send it with its source.

    Raises:
        Refused: the node answered with an error, which is not about the script.
        StoreUnavailable: as any sending.
    """
    await node.load(script)
    try:
        return await node.send(command)
    except Refused as refused:
        if refused.code != "NOSCRIPT":
            raise
    return await node.send(_in_full(command, script))


def _in_full(command: Command, script: Script) -> Command:
    """Turn `EVALSHA` with a digest into `EVAL` with the source."""
    by_digest = as_arguments((b"EVALSHA", script.digest))
    in_full = as_arguments((b"EVAL", script.source))
    return command._replace(payload=command.payload.replace(by_digest, in_full, 1))
