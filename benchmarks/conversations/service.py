"""The service in a process of its own, which can be killed and started again."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.serving import STARTING, free_port

MEGABYTE: Final = 1024


class Service:
    """One worker with SQLite, at the same address however often it is started."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._port = free_port()
        self._settings = {f"HOLDFAST_{name}": value for name, value in settings.items()}
        self._process: Process | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start, and wait until it answers."""
        command = (sys.executable, "-m", "holdfast.cli", "serve", "--port", str(self._port))
        environment = {**os.environ, **self._settings, "HOLDFAST_LOG_FILE": "service.log"}
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=self._folder, env=environment
        )
        async with asyncio.timeout(STARTING):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def end(self, ending: signal.Signals = signal.SIGTERM) -> None:
        """End it, in whatever way, and wait until it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(ending)
            await self._process.wait()

    def megabytes(self) -> float:
        """Say how much memory it holds."""
        if self._process is None:
            return 0.0
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kilobytes.split()[1]) / MEGABYTE


@asynccontextmanager
async def served(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Service]:
    """Serve for the block."""
    service = Service(folder, settings)
    await service.start()
    try:
        yield service
    finally:
        await service.end()
