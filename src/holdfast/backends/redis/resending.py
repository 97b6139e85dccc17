"""A command again, to a node that did not know its script."""

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
    """Turn `EVALSHA` with a digest into `EVAL` with the source, `EVALSHA_RO` into `EVAL_RO`."""
    payload = command.payload
    digest = b"$%d\r\n%b\r\n" % (len(script.digest), script.digest)
    source = b"$%d\r\n%b\r\n" % (len(script.source), script.source)
    for name in (b"EVALSHA", b"EVALSHA_RO"):
        full = name.replace(b"SHA", b"")
        old = b"\r\n$%d\r\n%b\r\n" % (len(name), name)
        new = b"\r\n$%d\r\n%b\r\n" % (len(full), full)
        payload = payload.replace(old + digest, new + source, 1)
    return command._replace(payload=payload)
