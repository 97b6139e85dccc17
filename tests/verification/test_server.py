"""The server that verification starts: all of it ends, whatever its command is made of."""

import asyncio
import shlex
import sys
from pathlib import Path

import pytest

from holdfast.verification import server as server_module
from holdfast.verification.server import ServerFailed, StartedServer
from tests.redis_servers import HOST, free_port

# Listens, and does not hear that it is to end.
DEAF = """
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    while True:
        listening.accept()[0].close()
"""
HEARING = DEAF.replace("SIG_IGN", "SIG_DFL")


def command(program: str, port: int) -> str:
    return shlex.join([sys.executable, "-c", program, str(port)])


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


def runs(pid: int) -> bool:
    """Say whether a process is there, and not just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


async def test_a_server_behind_a_shell_is_killed_with_it() -> None:
    """The shell alone would leave it running, and the next one would find its place taken."""
    port = free_port()
    behind = shlex.join(["sh", "-c", f"{command(HEARING, port)}; exit 3"])
    async with asyncio.timeout(20), StartedServer(behind, (HOST, port)) as server:
        killing = asyncio.create_task(server.kill(30))
        while await listens(port):
            await asyncio.sleep(0.01)
        killing.cancel()
        await asyncio.wait([killing])
    assert not await listens(port)


async def test_a_command_that_leaves_something_behind_has_failed(tmp_path: Path) -> None:
    """What it left is ended: nobody could stop or kill it later."""
    told = tmp_path / "pid"
    behind = shlex.join(["sh", "-c", f"sleep 600 & echo $! > {told}; exit 3"])
    async with asyncio.timeout(20):
        with pytest.raises(ServerFailed, match="ended with 3"):
            async with StartedServer(behind, (HOST, free_port())):
                raise AssertionError
    assert not runs(int(told.read_text()))


async def test_who_is_interrupted_while_it_ends_ends_it_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that does not hear is killed in the end."""
    monkeypatch.setattr(server_module, "PATIENCE", 0.5)
    port = free_port()
    async with asyncio.timeout(20), StartedServer(command(DEAF, port), (HOST, port)) as server:
        restarting = asyncio.create_task(server.restart(0))
        await asyncio.sleep(0)
        restarting.cancel()
        await asyncio.wait([restarting])
    assert not await listens(port)
