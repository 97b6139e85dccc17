"""Fixtures for Redis: the servers that tests share, one of each kind a worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Certificates, make_certificates
from tests.redis_servers import RedisServer, running
from tests.redis_topologies import Cluster, Replicated, cluster, replicated


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Run one plain server for all tests of a worker; do not stop or configure it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    with running(server):
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """Give the shared server, empty."""
    shared_redis.ask("FLUSHALL")
    return shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Run a plain server for this test alone, to be stopped, frozen and configured."""
    server = RedisServer(tmp_path / "redis")
    with running(server):
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def shared_sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    """Run a primary, two replicas and three Sentinels; do not stop or fail over any of them."""
    with replicated(tmp_path_factory.mktemp("sentinels")) as group:
        yield group


@pytest.fixture
def sentinels(shared_sentinels: Replicated) -> Replicated:
    """Give the shared primary and its Sentinels, empty."""
    shared_sentinels.primary.ask("FLUSHALL")
    return shared_sentinels


@pytest.fixture
def own_sentinels(tmp_path: Path) -> Iterator[Replicated]:
    """Run a primary with replicas and Sentinels for this test alone."""
    with replicated(tmp_path / "sentinels") as group:
        yield group


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run a Cluster of three primaries; leave its slots where they are."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture
def redis_cluster(shared_cluster: Cluster) -> Cluster:
    """Give the shared Cluster, empty."""
    for node in shared_cluster.primaries:
        node.ask("FLUSHALL")
    return shared_cluster


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Run a Cluster of three primaries with a replica each for this test alone."""
    with cluster(tmp_path / "cluster", with_replicas=True) as made:
        yield made
