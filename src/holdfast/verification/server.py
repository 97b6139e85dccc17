"""The server of a store, where the verification starts it, and may kill, stop and restart it."""

import asyncio
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from pathlib import Path
from typing import Final, Protocol, Self

from holdfast.verification.relaying import Address, connect
from holdfast.verification.signalling import send_to_all

# How long a server may take to answer, and to end.
PATIENCE: Final = 30.0
# How long is listened to what the last of its processes says, once all have been killed.
LAST_WORDS: Final = 1.0
PAUSE: Final = 0.02
SHOWN: Final = 2000


class ServerFailed(OSError):
    """The server could not be started, or ended by itself."""


class Server(Protocol):
    """What faults are done to."""

    async def pause(self, seconds: float) -> None:
        """Have it stand still for a while."""
        ...

    async def kill(self, seconds: float) -> None:
        """End it at once, and start it again after a while."""
        ...

    async def restart(self, seconds: float) -> None:
        """End it in good order, and start it again after a while."""
        ...


class StartedServer:
    """A process and all that it starts, in a session of its own.

    Who interrupts the command does not interrupt it, and a shell before the server ends with it.
    """

    def __init__(self, command: str, address: Address) -> None:
        self._command = shlex.split(command)
        self._address = address
        self._process: Process | None = None
        self._said = bytearray()
        self._listening: asyncio.Task[None] | None = None

    @property
    def _place(self) -> str:
        address = self._address
        return f"{address}" if isinstance(address, Path) else f"{address[0]}:{address[1]}"

    async def __aenter__(self) -> Self:
        if await self._listens():
            raise ServerFailed(
                f"Something listens at {self._place} already: --server-command is for a server "
                "that is not running yet, because this one may be killed."
            )
        try:
            await self._start()
        except BaseException:
            await self._end(signal.SIGKILL)
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._end(signal.SIGTERM)

    async def pause(self, seconds: float) -> None:
        """Send SIGSTOP, and SIGCONT after a while."""
        self._send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._send(signal.SIGCONT)

    async def kill(self, seconds: float) -> None:
        """Send SIGKILL, and start it again after a while."""
        await self._end(signal.SIGKILL)
        await asyncio.sleep(seconds)
        await self._start()

    async def restart(self, seconds: float) -> None:
        """Send SIGTERM, and start it again after a while."""
        await self._end(signal.SIGTERM)
        await asyncio.sleep(seconds)
        await self._start()

    async def _start(self) -> None:
        """Start the process, and wait until it listens.

        Raises:
            ServerFailed: it ended, or does not listen in time.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
            )
        except OSError as exc:
            raise ServerFailed(f"The server could not be started: {exc}") from exc
        self._process, self._said = process, bytearray()
        self._listening = asyncio.create_task(_listen(process, self._said))
        for _ in range(round(PATIENCE / PAUSE)):
            if process.returncode is not None:
                await asyncio.wait([self._listening], timeout=LAST_WORDS)
                said = self._said.decode(errors="replace")
                raise ServerFailed(f"The server ended with {process.returncode}. It said:\n{said}")
            if await self._listens():
                return
            await asyncio.sleep(PAUSE)
        raise ServerFailed(f"The server does not listen at {self._place}")

    async def _listens(self) -> bool:
        try:
            await connect(asyncio.Protocol, self._address, leave=True)
        except OSError:
            return False
        return True

    async def _end(self, how: signal.Signals) -> None:
        """End it, and wait until all of it has ended; who does not hear is killed."""
        if self._process is None or self._listening is None:
            return
        self._send(how)
        self._send(signal.SIGCONT)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
                # As long as one of its children can say something, not all of it has ended.
                await asyncio.wait([self._listening])
        except TimeoutError:
            self._send(signal.SIGKILL)
            await self._process.wait()
            await asyncio.wait([self._listening], timeout=LAST_WORDS)
        self._listening.cancel()
        self._process = self._listening = None

    def _send(self, what: signal.Signals) -> None:
        if self._process is not None:
            send_to_all(self._process, what)


async def _listen(process: Process, said: bytearray) -> None:
    """Read what a process and its children say to their end, and keep the last of it."""
    if process.stdout is not None:
        while heard := await process.stdout.read(65536):
            said += heard
            del said[:-SHOWN]
