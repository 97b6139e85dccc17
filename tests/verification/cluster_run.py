"""Verify a store on several Redis servers, of which some are stopped, killed and replaced.

    python -m tests.verification.cluster_run --seconds 120 --seed 1
    python -m tests.verification.cluster_run --sentinels

The first has a Cluster of three primaries with a replica each, whose slots move meanwhile, the
second a primary with two replicas behind three Sentinels. Both print what `holdfast verify` prints.
A primary that is killed had sent all that it acknowledged to its replica, or not: what a failover
may lose is said in docs/guarantees.md.
"""

import argparse
import asyncio
import logging
import random
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from holdfast.verification import Fault, Plan, Result, verify
from holdfast.verification.plan import OF_WORKERS
from tests.redis_servers import RedisServer, wait_for
from tests.redis_topologies import Cluster, Replicated, cluster, replicated

BUCKETS: Final = 256
MOVED_AT_ONCE: Final = 12
FAULTS: Final[frozenset[Fault]] = frozenset(
    {*OF_WORKERS, "cancel", "server-pause", "server-kill", "restart"}
)


class ClusterServer:
    """What faults are done to: a primary is stopped or killed; to restart is to move slots."""

    def __init__(self, nodes: Cluster, *, seed: int) -> None:
        self._nodes = nodes
        self._dice = random.Random(seed)
        self.done = Counter[str]()

    async def pause(self, seconds: float) -> None:
        """Stop a primary for less time than makes the others take it for dead."""
        node = self._dice.choice(self._nodes.primaries)
        node.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            node.thaw()
        self.done["primaries stopped"] += 1

    async def kill(self, seconds: float) -> None:
        """Kill a primary, wait until its replica has taken its place, and bring it back as that."""
        await asyncio.to_thread(self._kill)
        self.done["primaries killed"] += 1

    async def restart(self, seconds: float) -> None:
        """Move the slots of some buckets from one primary to another, keys and all."""
        await asyncio.to_thread(self._move)

    def _kill(self) -> None:
        place = self._dice.randrange(len(self._nodes.primaries))
        node, replica = self._nodes.primaries[place], self._nodes.replicas[place]
        node.kill()
        wait_for(lambda: replica.ask("ROLE")[0] == b"master", "the replica to take over")
        node.start()
        self._nodes.primaries[place], self._nodes.replicas[place] = replica, node
        self._nodes.settle()

    def _move(self) -> None:
        source, target = self._dice.sample(self._nodes.primaries, 2)
        own = [slot for slot in self._slots(source) if self._nodes.owner(slot, source) is source]
        for slot in self._dice.sample(own, min(MOVED_AT_ONCE, len(own))):
            self._nodes.migrate(slot, source, target)
            self.done["slots moved"] += 1

    def _slots(self, node: RedisServer) -> set[int]:
        return {int(node.ask("CLUSTER", "KEYSLOT", f"{{{n}}}")) for n in range(BUCKETS)}


class SentinelServer:
    """What faults are done to: the primary is stopped or killed; it comes back as a replica."""

    def __init__(self, group: Replicated) -> None:
        self._group = group
        self.done = Counter[str]()

    async def pause(self, seconds: float) -> None:
        """Stop the primary for less time than makes the Sentinels take it for dead."""
        node = await asyncio.to_thread(lambda: self._group.primary)
        node.freeze()
        try:
            await asyncio.sleep(min(seconds, 0.4))
        finally:
            node.thaw()
        self.done["primaries stopped"] += 1

    async def kill(self, seconds: float) -> None:
        """Kill the primary, wait until a replica has taken its place, and start it again."""
        await asyncio.to_thread(self._kill)
        self.done["primaries killed"] += 1

    async def restart(self, seconds: float) -> None:
        """End and start a replica."""
        await asyncio.to_thread(self._restart)
        self.done["replicas restarted"] += 1

    def _kill(self) -> None:
        node = self._group.primary
        node.kill()
        self._group.failed_over_from(node)
        node.start()
        self._group.settle()

    def _restart(self) -> None:
        primary = self._group.primary
        next(node for node in self._group.nodes if node is not primary).restart(how="stop")
        self._group.settle()


async def verify_cluster(nodes: Cluster, plan: Plan) -> tuple[Result, Counter[str]]:
    """Run a plan on a cluster, and say what was done to it."""
    server = ClusterServer(nodes, seed=plan.seed)
    return await verify(plan, server=server), server.done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--sentinels", action="store_true", help="instead of a Cluster")
    options = parser.parse_args()
    logging.getLogger("holdfast").setLevel(logging.ERROR)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="holdfast-verify-")))
        server: ClusterServer | SentinelServer
        if options.sentinels:
            group = stack.enter_context(replicated(folder))
            url, server = group.url, SentinelServer(group)
        else:
            nodes = stack.enter_context(cluster(folder, with_replicas=True, node_timeout=1.5))
            url, server = nodes.url, ClusterServer(nodes, seed=options.seed)
        plan = Plan(
            url=url, namespace="verify-several", processes=options.processes,
            seconds=options.seconds, seed=options.seed, faults=FAULTS,
        )  # fmt: skip
        result = asyncio.run(verify(plan, server=server))
    print(result.told())
    print("servers   ", ", ".join(f"{what} {n}" for what, n in sorted(server.done.items())))
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
