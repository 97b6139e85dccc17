"""Signals to processes that were started here."""

import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress


def send(process: Process, what: signal.Signals) -> bool:
    """Send a signal, and say whether the process was still there.

    The standard method looks first whether the process has ended, and takes the news of that away
    from the event loop.
    """
    if process.returncode is not None:
        return False
    try:
        os.kill(process.pid, what)
    except ProcessLookupError:
        return False
    return True


def send_to_all(process: Process, what: signal.Signals) -> None:
    """Send a signal to a process that leads a session, and to all that it started there.

    They are a group of their own also after its end, as long as one of them is there.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, what)
