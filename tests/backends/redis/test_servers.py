"""The servers of the tests do what the tests need of them."""

import socket
from pathlib import Path

import pytest
import redis

from tests.certificates import Certificates
from tests.redis_servers import ALWAYS, RedisServer, running


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
