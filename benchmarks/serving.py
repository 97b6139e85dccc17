"""Servers in processes of their own, started, waited for and ended; and load on them."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from benchmarks.measuring import Work

STARTING = 60.0
STOPPING = 30.0


class ServerFailed(Exception):
    """A server did not start, or refused the load."""


class Load(NamedTuple):
    """What each connection sends; the paths are given to the connections in turn."""

    method: str
    paths: Sequence[str]
    body: str
    key: str | None = None


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def serving(
    *arguments: str, port: int, environment: Mapping[str, str]
) -> AsyncIterator[Process]:
    """Run a Python module that serves at a port, for the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env=environment, stdout=DEVNULL, stderr=PIPE
    )
    # The pipe is read throughout, so that a talkative server never stands still.
    complaints = asyncio.create_task(_last_lines(process))
    try:
        await _answering(process, port, complaints)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.wait(), STOPPING)
        await complaints


async def put_load(load: Load, *, port: int, seconds: float) -> Work:
    """Send the same requests over 32 connections, from a process of their own."""
    key = () if load.key is None else ("--key", load.key)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http_load", "--port", str(port), "--method",
        load.method, "--body", load.body, "--seconds", str(seconds), *key, *load.paths,
        stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode != 0:
        raise ServerFailed(err.decode()[-2000:])
    counted = json.loads(out)
    return Work(counted["operations"], counted["seconds"])


async def _answering(process: Process, port: int, complaints: "asyncio.Task[str]") -> None:
    """Wait until the port takes connections."""
    async with asyncio.timeout(STARTING):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return
    raise ServerFailed(await complaints)


async def _last_lines(process: Process) -> str:
    if process.stderr is None:
        return ""
    last = b""
    while read := await process.stderr.read(65_536):
        last = (last + read)[-2000:]
    return last.decode(errors="replace")
