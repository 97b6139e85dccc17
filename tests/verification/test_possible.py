"""Which faults are done to which store, through which proxy, and what starts its server."""

import asyncio
from pathlib import Path

import pytest

from holdfast.cli.verify import NAMES
from holdfast.verification.networks import address_of, through, without_password
from holdfast.verification.plan import FAULTS, OF_NETWORKS, OF_SERVERS
from holdfast.verification.possible import possible
from holdfast.verification.proxy import Proxy
from holdfast.verification.server import ServerFailed, StartedServer
from tests.redis_servers import HOST, RedisServer, free_port, wait_for

DURABLE = "redis-server --appendonly yes --appendfsync always"


def test_the_command_line_knows_every_fault() -> None:
    """By its name, beside none and all."""
    assert ("none", *FAULTS, "all") == NAMES


@pytest.mark.parametrize(
    ("url", "command", "skipped"),
    [
        ("redis://h/0", DURABLE, set()),
        ("valkey://h:7000", "/etc/init.d/valkey start", set()),
        ("redis://h", "redis-server /etc/redis.conf", set()),
        ("redis://h", "redis-server --port 7000", {"server-kill", "restart"}),
        ("redis://h", f"{DURABLE}-not", {"server-kill", "restart"}),
        ("redis+unix:///run/r.sock?db=1", "", set(OF_SERVERS)),
        ("rediss://localhost:6380", DURABLE, set()),
        ("rediss://sessions.example.com", "", {*OF_NETWORKS, *OF_SERVERS}),
        ("redis+sentinel://h1,h2/main/0", DURABLE, {*OF_NETWORKS, *OF_SERVERS}),
        ("redis+cluster://h1,h2", "", {*OF_NETWORKS, *OF_SERVERS}),
        ("sqlite:///s.db", "", {*OF_NETWORKS, *OF_SERVERS}),
        ("memory://", "", {"kill", "pause", *OF_NETWORKS, *OF_SERVERS}),
    ],
)
def test_what_cannot_be_done_is_skipped_with_its_reason(
    url: str, command: str, skipped: set[str]
) -> None:
    """All else is done."""
    wanted, reasons = possible(url, ["all"], command)
    assert set(reasons) == skipped
    assert wanted == set(FAULTS) - skipped
    assert all(reasons.values())


def test_only_what_was_named_is_done_or_skipped() -> None:
    """`none` is nothing."""
    assert possible("redis://h", ["none"]) == (frozenset(), {})
    wanted, skipped = possible("redis://h", ["cut", "restart"])
    assert wanted == {"cut"}
    assert skipped == {"restart": "needs --server-command"}


async def test_a_url_leads_through_a_proxy(tmp_path: Path) -> None:
    """Login, database and settings stay."""
    async with Proxy((HOST, 1)) as proxy:
        port = proxy.port
        assert through("redis://me:p%40ss@db:7000/3?near_cache=9", proxy) == (
            f"redis://me:p%40ss@127.0.0.1:{port}/3?near_cache=9"
        )
        assert through("rediss://localhost/1", proxy) == f"rediss://localhost:{port}/1"
    async with Proxy(tmp_path / "s", path=tmp_path / "p") as proxy:
        url = through("redis+unix:///run/r%20s.sock?db=2", proxy)
        assert url == f"redis+unix://{tmp_path}/p?db=2"


def test_a_url_says_where_the_server_is() -> None:
    """With the port that is usual where it names none."""
    assert address_of("redis://db") == ("db", 6379)
    assert address_of("postgresql://me@db/x") == ("db", 5432)
    assert address_of("redis+unix:///run/r%20s.sock?db=2") == Path("/run/r s.sock")
    assert address_of("redis+cluster://a,b") is None
    assert address_of("sqlite:///s.db") is None


def test_a_url_is_shown_without_its_password() -> None:
    """And otherwise as it is."""
    assert without_password("redis://me:secret@db/0") == "redis://me:…@db/0"
    assert without_password("redis://:secret@db/0") == "redis://:…@db/0"
    assert without_password("memory://") == "memory://"


def command_of(server: RedisServer) -> str:
    words = ["redis-server", "--bind", HOST, "--port", str(server.port), "--dir", server.folder]
    return " ".join(map(str, [*words, "--appendonly", "yes", "--appendfsync", "always"]))


async def test_a_server_is_started_stopped_killed_and_started_again(tmp_path: Path) -> None:
    """What it acknowledged is still there, and afterwards nobody listens."""
    redis = RedisServer(tmp_path)
    address = HOST, redis.port
    async with StartedServer(command_of(redis), address) as server:
        assert redis.ask("INCR", "n") == 1
        await server.kill(0.05)
        wait_for(lambda: redis.ask("PING"), "the server to be loaded")
        assert redis.ask("INCR", "n") == 2
        await server.restart(0)
        wait_for(lambda: redis.ask("PING"), "the server to be loaded")
        assert redis.ask("INCR", "n") == 3
        pausing = asyncio.create_task(server.pause(0.3))
        await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        await asyncio.to_thread(redis.ask, "PING")
        assert asyncio.get_running_loop().time() - began > 0.25
        await pausing
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


@pytest.mark.parametrize("command", ["redis-server --port none", "no-such-program-anywhere"])
async def test_a_server_that_does_not_start_is_told(command: str) -> None:
    """With what it said."""
    with pytest.raises(ServerFailed, match=r"ended with 1[^$]*none|could not be started"):
        async with StartedServer(command, (HOST, free_port())):
            raise AssertionError


async def test_a_server_that_runs_already_is_left_alone(redis_server: RedisServer) -> None:
    """It is somebody else's: nothing is started, and it is not harmed."""
    with pytest.raises(ServerFailed, match=r"listens at 127.0.0.1:\d+ already"):
        async with StartedServer("redis-server", (HOST, redis_server.port)):
            raise AssertionError
    assert redis_server.ask("PING")
