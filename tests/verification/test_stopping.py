"""`holdfast verify` that is stopped before its end: it removes what it made, and says one line."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

STOPPED = "Stopped before the end; what was made is removed, or expires within half an hour.\n"
LONGEST = 30.0


def children(process: int) -> list[int]:
    """Find the processes that a process has started, by their entries of the system."""
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # Whoever waits to be buried (Z) runs no more.
        if int(words[1]) == process and words[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def sessions_in(path: Path) -> int:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("SELECT count(*) FROM sessions").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def wait_until(reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + LONGEST
    while not reached():
        assert time.monotonic() < ends, "it was not reached in time"
        time.sleep(0.001)


@contextmanager
def verifying(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Verify a file for an hour, in a session of its own as a terminal has one."""
    words = ["verify", "--store", f"sqlite:///{path}", "--seconds", "3600", "--processes", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.cli", *words, "--faults", "kill", "pause"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["a worker begins", "sessions are there"])
def test_who_is_stopped_leaves_nothing(how: signal.Signals, when: str, tmp_path: Path) -> None:
    """Whether the terminal stops all of it or somebody the command alone, early or late."""
    path = tmp_path / "s.db"
    with verifying(path) as process:
        begun: list[int] = []

        def reached() -> bool:
            begun[:] = children(process.pid)
            return len(begun) == 2 and (when == "a worker begins" or sessions_in(path) > 0)

        wait_until(reached)
        send = os.killpg if how == signal.SIGINT else os.kill
        send(process.pid, how)
        _, said = process.communicate(timeout=LONGEST)
        assert (process.returncode, said) == (2, STOPPED)
    assert sessions_in(path) == 0
    assert [worker for worker in begun if Path(f"/proc/{worker}").exists()] == []
