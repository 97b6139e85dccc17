"""The map of a cluster, asked of several nodes: the newest answer wins."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.location import Address
from holdfast.backends.redis.node import Node
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.slots import read_owners
from holdfast.errors import StoreUnavailable

INFO: Final = Command(encode(b"CLUSTER", b"INFO"))
SLOTS: Final = Command(encode(b"CLUSTER", b"SLOTS"))
# How long answers are waited for, in seconds, and how many nodes are asked at once.
PATIENCE: Final = 1.0
MOST_ASKED: Final = 5


class Map(NamedTuple):
    """Who has which slot, as one node sees it; a higher `epoch` is a newer view."""

    whole: bool
    epoch: int
    owners: Mapping[int, Address]


async def ask(nodes: Iterable[Node], slots: Iterable[int]) -> Map | None:
    """Ask nodes for the owners of some slots; None when none of them answers.

    More than half of those asked have to answer, or the time to be over: a node that was cut off
    knows only of what was before.
    """
    slots = tuple(slots)
    asked = {asyncio.ensure_future(_ask_one(node, slots)) for node in tuple(nodes)[:MOST_ASKED]}
    if not asked:
        return None
    answers: list[Map] = []
    waiting = set(asked)
    ends = asyncio.get_running_loop().time() + PATIENCE
    try:
        while waiting and len(answers) <= len(asked) // 2:
            left = ends - asyncio.get_running_loop().time()
            done, waiting = await asyncio.wait(
                waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            answers += [answer for task in done if (answer := task.result()) is not None]
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return max(answers, key=lambda answer: (answer.whole, answer.epoch), default=None)


async def _ask_one(node: Node, slots: tuple[int, ...]) -> Map | None:
    try:
        answers = asyncio.gather(node.send(INFO), node.send(SLOTS))
        info, owners = await answers
    except (StoreUnavailable, Refused):
        return None
    facts = _facts(info)
    return Map(
        facts.get(b"cluster_state") == b"ok",
        int(facts.get(b"cluster_current_epoch", 0)),
        read_owners(owners, slots, asked=node.address),
    )


def _facts(info: Reply) -> dict[bytes, bytes]:
    lines = (line.partition(b":") for line in info.split(b"\r\n"))
    return {name: value for name, _, value in lines}
