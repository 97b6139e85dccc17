"""The service in processes of its own, as an operator starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

API_KEY: Final = "an-api-key-of-the-tests"
PATIENCE: Final = 60.0


@dataclass
class Served:
    """A running service."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path

    def log(self) -> str:
        return self.output.read_text()

    def stop(self, ending: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(ending)
        return self.process.wait(timeout=PATIENCE)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """Give a process nothing of this one's settings but those named here."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    return {**kept, **{f"HOLDFAST_{name.upper()}": value for name, value in settings.items()}}


def launch(
    folder: Path, *arguments: str, env: Mapping[str, str], output: Path
) -> subprocess.Popen[bytes]:
    """Start the command `holdfast` in a folder."""
    command = [sys.executable, "-m", "holdfast.cli", *arguments]
    with output.open("wb") as stream:
        return subprocess.Popen(command, cwd=folder, env=env, stdout=stream, stderr=stream)


def refused(folder: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """Start what is not going to start; its exit code and what it says."""
    output = folder / "refused.txt"
    process = launch(folder, "serve", *arguments, env=environment(**settings), output=output)
    return process.wait(timeout=PATIENCE), output.read_text()


@contextmanager
def served(
    folder: Path, *arguments: str, port: int | None = None, **settings: str
) -> Generator[Served]:
    """Serve from a folder until the block ends."""
    port = port or free_port()
    output = folder / f"output-{port}.txt"
    chosen = {"api_keys": API_KEY, "shipped_articles": "false", **settings}
    line = ("serve", "--port", str(port), *arguments)
    process = launch(folder, *line, env=environment(**chosen), output=output)
    service = Served(process, f"http://127.0.0.1:{port}", output)
    try:
        _wait(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=PATIENCE)


def _wait(service: Served) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if service.process.poll() is not None:
            raise AssertionError(f"The service ended at its start:\n{service.log()}")
        try:
            if httpx2.get(f"{service.url}/health/live").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"The service did not answer in {PATIENCE} s:\n{service.log()}")
