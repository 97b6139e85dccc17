"""The servers of the tests do what the tests need of them."""

import socket
from pathlib import Path

import pytest
import redis

from tests.certificates import Certificates
from tests.redis_servers import ALWAYS, RedisServer, running
from tests.redis_topologies import Cluster, Replicated


def test_a_server_keeps_what_it_wrote_to_disk_and_forgets_it_when_told(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", settings=ALWAYS)
    with running(server):
        server.ask("SET", "a", "1")
        server.restart()
        assert server.ask("GET", "a") == b"1"
        server.restart(empty=True)
        assert server.ask("GET", "a") is None
    assert server.process is not None
    assert server.process.returncode is not None


def test_a_server_speaks_tls_and_asks_for_a_password(
    tmp_path: Path, certificates: Certificates
) -> None:
    server = RedisServer(tmp_path / "redis", tls=certificates, password="of-the-tests")
    with running(server):
        assert server.ask("PING")
        server.password = "another"
        with pytest.raises(redis.AuthenticationError):
            server.ask("PING")


def test_a_server_listens_on_a_unix_socket_for_a_named_user(tmp_path: Path) -> None:
    user = {"user": "agent on >of-the-tests ~hf:* &* +@all"}
    server = RedisServer(
        tmp_path / "redis", settings=user, user="agent", password="of-the-tests", unix_socket=True
    )
    with running(server):
        assert server.ask("ACL", "WHOAMI") == b"agent"


def test_a_frozen_server_answers_once_it_is_thawed(own_redis: RedisServer) -> None:
    with socket.create_connection(("127.0.0.1", own_redis.port)) as connection:
        own_redis.freeze()
        connection.sendall(b"PING\r\n")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        own_redis.thaw()
        connection.settimeout(5)
        assert connection.recv(100) == b"+PONG\r\n"


@pytest.mark.slow
def test_sentinels_promote_a_replica_when_they_are_told_to(own_sentinels: Replicated) -> None:
    old = own_sentinels.primary
    old.ask("SET", "a", "1")
    assert old.ask("WAIT", 2, 5000) == 2
    own_sentinels.fail_over()
    assert own_sentinels.failed_over_from(old).ask("GET", "a") == b"1"


@pytest.mark.slow
def test_a_slot_moves_with_its_keys(own_cluster: Cluster) -> None:
    source, target, _ = own_cluster.primaries
    slot = source.ask("CLUSTER", "KEYSLOT", "{7}")
    assert own_cluster.owner(slot) is source
    for number in range(250):
        source.ask("SET", f"{{7}}:{number}", number)
    own_cluster.migrate(slot, source, target)
    assert own_cluster.owner(slot) is target
    assert target.ask("CLUSTER", "COUNTKEYSINSLOT", slot) == 250
