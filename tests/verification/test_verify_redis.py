"""`holdfast verify` on a real Redis server: what it breaks, finds, removes and leaves alone."""

import asyncio
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from holdfast import Keyring, open_store
from holdfast.cli import main
from holdfast.verification import Plan, verify
from tests.certificates import Certificates
from tests.redis_servers import HOST, RedisServer, free_port, running

KEYS = Keyring.generate()
# A deletion is remembered for a minute, so that its repetition is recognised.
REMEMBERED = 60_000


def contents(server: RedisServer) -> dict[bytes, Any]:
    """Give the keys with what stands in them."""
    return {key: server.ask("DUMP", key) for key in server.ask("KEYS", "*")}


async def fill(server: RedisServer) -> None:
    """Write what belongs to others: keys of strangers, and sessions of another namespace."""
    server.ask("SET", "somebody", "else")
    server.ask("HSET", "hf:{0}:s:verify", "m", "x")
    async with open_store(server.url(), keys=KEYS, namespace="mine") as store:
        for number in range(20):
            session = await store.create(f"s{number}", user_id="u", topic="mine")
            await store.append(session.session_id, "item")
        await store.leases.acquire("s0", ttl=60, wait=0)


@pytest.mark.slow
async def test_it_removes_its_own_keys_and_touches_no_others(own_redis: RedisServer) -> None:
    """Workers that are killed and cut off leave nothing either; what is remembered of deletions
    expires within a minute.
    """
    await fill(own_redis)
    before = contents(own_redis)
    plan = Plan(
        url=own_redis.url(), namespace="verify-run", processes=2, callers=6, sessions=10,
        seconds=2.4, seed=3, faults=frozenset({"kill", "cut", "swallow"}),
    )  # fmt: skip
    result = await verify(plan)
    assert result.ok, result.told()
    assert result.done().keys() == {"kill", "cut", "swallow"}
    after = contents(own_redis)
    assert {key: after.get(key) for key in before} == before
    left = after.keys() - before.keys()
    assert left
    for key in left:
        assert re.fullmatch(rb"hf:\{0\}:d:verify-run/\d+-(wild|calm)-\d+", key), key
        assert 0 < own_redis.ask("PTTL", key) <= REMEMBERED


@pytest.mark.slow
def test_a_server_of_its_own_is_killed_and_its_network_cut(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing is wrong afterwards, no reply came to the wrong caller, and the server has ended."""
    port = free_port()
    options = f"--port {port} --bind {HOST} --dir {tmp_path} --appendonly yes --appendfsync always"
    ended = main(
        [
            "verify", "--store", f"redis://{HOST}:{port}/1", "--processes", "2", "--callers", "8",
            "--sessions", "16", "--seconds", "6", "--seed", "4", "--report", f"{tmp_path}/r.html",
            "--faults", "delay", "freeze", "trickle", "cut", "half", "swallow", "garbage",
            "server-pause", "server-kill", "restart",
            "--server-command", f"redis-server {options}",
        ]
    )  # fmt: skip
    shown = capsys.readouterr().out
    assert ended == 0, shown
    faults = r"faults +cut \d+, delay 1, freeze 1, garbage \d+, half \d+, restart 1, "
    assert re.search(faults + r"server-kill 1, server-pause 1, swallow \d+, trickle 1\n", shown)
    assert re.search(r"inside +retries [1-9]\d*, .*crossed replies 0\n", shown)
    page = (tmp_path / "r.html").read_text("utf-8")
    assert 'class="server-kill"' in page
    assert ">server<" in page
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(asyncio.open_connection(HOST, port))


@pytest.mark.slow
def test_a_server_that_does_not_start_again_ends_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With 2 and what the server said, although nothing can be removed any more; and at once."""
    port = free_port()
    server = f"redis-server --port {port} --bind {HOST} --dir {tmp_path} --appendonly yes"
    once = shlex.join(["sh", "-c", f"mkdir {tmp_path}/begun && exec {server}"])
    began = time.monotonic()
    assert main(
        ["verify", "--store", f"redis://{HOST}:{port}", "--processes", "2", "--seconds", "60",
         "--sessions", "8", "--faults", "server-kill", "--server-command", once]
    ) == 2  # fmt: skip
    assert time.monotonic() - began < 20
    assert "The server ended with 1. It said:\nmkdir: " in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("how", ["tls", "unix"])
async def test_what_passes_a_proxy_may_be_sealed_or_a_socket(
    how: str, tmp_path: Path, certificates: Certificates
) -> None:
    """A connection with TLS is cut and swallowed like any other, and so is one of the host."""
    server = RedisServer(
        tmp_path / "redis", tls=certificates if how == "tls" else None, unix_socket=how == "unix"
    )
    query = f"?ca={certificates.authority}" if how == "tls" else ""
    plan = Plan(
        url=server.url(query=query), namespace="verify-run", processes=1, callers=6, sessions=8,
        seconds=1.6, seed=3, faults=frozenset({"cut", "swallow", "half"}),
    )  # fmt: skip
    with running(server):
        result = await verify(plan)
    assert result.ok, result.told()
    assert result.done().keys() == {"cut", "swallow", "half"}
    assert result.statistics["lost"] > 0


@pytest.mark.slow
async def test_a_server_that_loses_what_it_acknowledged_is_found_out(tmp_path: Path) -> None:
    """One that keeps nothing and is killed: the verification says so."""
    server = RedisServer(tmp_path / "redis")
    server.start()

    class Forgetful:
        """Kills a server that has no memory on disk."""

        async def pause(self, seconds: float) -> None: ...

        async def restart(self, seconds: float) -> None: ...

        async def kill(self, seconds: float) -> None:
            server.kill()
            server.start()

    plan = Plan(
        url=server.url(), namespace="verify-run", processes=1, callers=4, sessions=4,
        seconds=1.6, seed=3, faults=frozenset({"server-kill"}),
    )  # fmt: skip
    try:
        result = await verify(plan, server=Forgetful())
    finally:
        server.kill()
    assert result.findings
