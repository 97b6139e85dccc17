"""What the commands have in common: how they are declared, and how they say what is wrong."""

import asyncio
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from holdfast.errors import HoldfastError

T = TypeVar("T")


class Commands(Protocol):
    """Takes the declarations of commands."""

    def add_parser(self, name: str, /, *, help: str) -> ArgumentParser:
        """Declare a command."""
        ...


def complain(*lines: str) -> int:
    """Say on standard error what is wrong, and give the exit code for it."""
    for line in lines:
        print(line, file=sys.stderr)
    return 1


def answered_for(
    work: Callable[[Namespace], Coroutine[Any, Any, int]],
) -> Callable[[Namespace], int]:
    """Make a command of work that may fail: what is wrong is said, and the exit code is 1."""

    def run(options: Namespace) -> int:
        try:
            return asyncio.run(work(options))
        except (HoldfastError, OSError, ValueError) as exc:
            return complain(str(exc))

    return run


def seconds(most: float) -> Callable[[str], float]:
    """Make the type of an option that is a time, in seconds."""

    def time(text: str) -> float:
        try:
            given = float(text)
        except ValueError:
            given = 0.0
        if not 0 < given <= most:
            raise ArgumentTypeError(f"must be a number of seconds above 0, at most {most:,.0f}")
        return given

    return time


def run_to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Run work that removes what it made when it is stopped: by SIGTERM as by Ctrl-C.

    Raises:
        KeyboardInterrupt: it was stopped, and has ended.
    """

    async def stoppable() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError as exc:
        raise KeyboardInterrupt from exc
