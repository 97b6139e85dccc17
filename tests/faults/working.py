"""Processes that work on a store as they are told (see `worker.py`)."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.tallying import KEYS

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = "tests.faults.worker"


class Working:
    """A process; `tell` does not wait, `ask` waits for the answer."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, *words: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "The process has ended"
        return json.loads(line)

    def ask(self, *words: object) -> Any:
        self.tell(*words)
        return self.answer()

    def send(self, which: signal.Signals) -> None:
        self._process.send_signal(which)


@contextmanager
def working(
    url: str, session_id: str, environment: Mapping[str, str] | None = None
) -> Iterator[Working]:
    """Start a process, and kill it when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", PROGRAM, url, KEYS.to_text(), session_id],
        cwd=ROOT, env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        worker = Working(process)
        try:
            assert worker.answer() == "ready"
            yield worker
        finally:
            process.kill()
