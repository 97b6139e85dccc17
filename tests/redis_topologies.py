"""Redis on several nodes: a primary with replicas under Sentinels, and a Cluster."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.redis_servers import HOST, RedisServer, free_port, wait_for

SLOTS: Final = 16_384
NAME: Final = "main"
REPLICATING: Final = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}


@dataclass
class Replicated:
    """A primary, its replicas, and the Sentinels that watch them."""

    nodes: list[RedisServer]
    sentinels: list[RedisServer]

    @property
    def url(self) -> str:
        hosts = ",".join(sentinel.address for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{NAME}/0"

    @property
    def primary(self) -> RedisServer:
        """The node that the first Sentinel takes for the primary now."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return next(node for node in self.nodes if node.port == int(port))

    def fail_over(self) -> None:
        """Have a replica promoted while the primary is well."""
        wait_for(self._begin, "a Sentinel to begin a failover")

    def _begin(self) -> bool:
        return bool(self.sentinels[0].ask("SENTINEL", "FAILOVER", NAME))

    def failed_over_from(self, old: RedisServer) -> RedisServer:
        """Wait until another node is the primary, and give it."""

        def found() -> RedisServer | None:
            now = self.primary
            return now if now is not old and now.ask("ROLE")[0] == b"master" else None

        node: RedisServer = wait_for(found, "another primary")
        return node

    def settle(self) -> None:
        """Wait until all nodes follow one primary and every Sentinel knows all nodes."""
        wait_for(self._settled, "the replicas and Sentinels to find each other")

    def _settled(self) -> bool:
        replicas = self.primary.info("replication")
        others = len(self.nodes) - 1
        return replicas["connected_slaves"] == others and all(
            self._knows_all(sentinel) for sentinel in self.sentinels
        )

    def _knows_all(self, sentinel: RedisServer) -> bool:
        words = sentinel.ask("SENTINEL", "MASTER", NAME)
        facts = (
            words if isinstance(words, dict) else dict(zip(words[::2], words[1::2], strict=True))
        )
        known = {_text(name): _text(value) for name, value in facts.items()}
        return (
            int(known["num-slaves"]) == len(self.nodes) - 1
            and int(known["num-other-sentinels"]) == len(self.sentinels) - 1
            and known["flags"] == "master"
        )


@contextmanager
def replicated(
    folder: Path, *, replicas: int = 2, sentinels: int = 3, down_after: float = 0.8
) -> Generator[Replicated]:
    """Run a primary, replicas and Sentinels that find it dead after `down_after` seconds."""
    primary = RedisServer(folder / "primary", settings=REPLICATING)
    following = {**REPLICATING, "replicaof": f"{HOST} {primary.port}"}
    nodes = [primary]
    nodes += [RedisServer(folder / f"replica-{n}", settings=following) for n in range(replicas)]
    watching = {
        "sentinel monitor": f"{NAME} {HOST} {primary.port} {sentinels // 2 + 1}",
        "sentinel down-after-milliseconds": f"{NAME} {round(down_after * 1000)}",
        "sentinel failover-timeout": f"{NAME} 4000",
        "sentinel parallel-syncs": f"{NAME} {replicas}",
        "bind": HOST,
    }
    watchers = [
        RedisServer(folder / f"sentinel-{n}", settings=watching, sentinel=True)
        for n in range(sentinels)
    ]
    group = Replicated(nodes, watchers)
    with _started(nodes):
        wait_for(lambda: primary.info("replication")["connected_slaves"] == replicas, "replicas")
        with _started(watchers):
            group.settle()
            yield group


@dataclass
class Cluster:
    """Primaries that share the slots, and as many replicas, if any."""

    primaries: list[RedisServer]
    replicas: list[RedisServer]

    @property
    def nodes(self) -> list[RedisServer]:
        return [*self.primaries, *self.replicas]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(node.address for node in self.nodes)}"

    def id_of(self, node: RedisServer) -> str:
        return _text(node.ask("CLUSTER", "MYID"))

    def owner(self, slot: int, asked: RedisServer | None = None) -> RedisServer:
        """Give the node that has a slot, as one node sees it."""
        for low, high, (_, port, *_), *_ in (asked or self.primaries[0]).ask("CLUSTER", "SLOTS"):
            if int(low) <= slot <= int(high):
                return next(node for node in self.nodes if node.port == int(port))
        raise AssertionError(f"Nobody has slot {slot}")

    def replica_of(self, primary: RedisServer) -> RedisServer:
        return self.replicas[self.primaries.index(primary)]

    def open_slot(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Begin to move a slot: keys of it may be on either node from now on."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))

    def move_keys(self, slot: int, source: RedisServer, target: RedisServer, most: int) -> int:
        """Move up to `most` keys of an open slot; say how many there were."""
        keys: list[bytes] = source.ask("CLUSTER", "GETKEYSINSLOT", slot, most)
        if keys:
            source.ask("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def close_slot(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """End the move of a slot: all nodes are told who has it."""
        name = self.id_of(target)
        for node in (target, source, *(n for n in self.primaries if n not in {target, source})):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", name)

    def migrate(self, slot: int, source: RedisServer, target: RedisServer) -> None:
        """Move a slot and all its keys."""
        self.open_slot(slot, source, target)
        while self.move_keys(slot, source, target, 100):
            pass
        self.close_slot(slot, source, target)

    def settle(self) -> None:
        """Wait until every node finds the cluster whole and knows all others."""
        wait_for(lambda: all(map(self._settled, self.nodes)), "the cluster to be whole")

    def _settled(self, node: RedisServer) -> bool:
        facts = _text(node.ask("CLUSTER", "INFO"))
        links_are_up = node not in self.replicas or (
            node.info("replication")["master_link_status"] == "up"
        )
        known = f"cluster_known_nodes:{len(self.nodes)}\r\n"
        return "cluster_state:ok" in facts and known in facts and links_are_up


@contextmanager
def cluster(
    folder: Path, *, primaries: int = 3, with_replicas: bool = False, node_timeout: float = 1.0
) -> Generator[Cluster]:
    """Run a Cluster whose nodes find each other dead after `node_timeout` seconds."""
    count = primaries * 2 if with_replicas else primaries
    nodes = [_cluster_node(folder / f"node-{number}", node_timeout) for number in range(count)]
    made = Cluster(nodes[:primaries], nodes[primaries:])
    with _started(nodes):
        _share_slots(made.primaries)
        first, *others = made.nodes
        for node in others:
            bus = node.settings["cluster-port"]
            first.ask("CLUSTER", "MEET", HOST, node.port, bus)
        for primary, replica in zip(made.primaries, made.replicas, strict=False):
            words = ("CLUSTER", "REPLICATE", made.id_of(primary))
            wait_for(partial(replica.ask, *words), "a replica to know its primary")
        made.settle()
        yield made


def _cluster_node(folder: Path, node_timeout: float) -> RedisServer:
    settings = {
        **REPLICATING,
        "cluster-enabled": "yes",
        "cluster-node-timeout": str(round(node_timeout * 1000)),
        "cluster-port": str(free_port()),
        "cluster-replica-validity-factor": "0",
        # Slots that are served go on while others are not.
        "cluster-require-full-coverage": "no",
    }
    return RedisServer(folder, settings=settings)


def _share_slots(primaries: list[RedisServer]) -> None:
    share = -(-SLOTS // len(primaries))
    for number, node in enumerate(primaries):
        last = min((number + 1) * share, SLOTS) - 1
        node.ask("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)


@contextmanager
def _started(servers: list[RedisServer]) -> Generator[None]:
    """Start servers side by side."""
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait()
        yield
    finally:
        for server in servers:
            server.kill()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
