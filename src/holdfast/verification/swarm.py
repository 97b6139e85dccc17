"""Who follows orders: worker processes that can be killed and stopped, or this process itself."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, Self

from holdfast.testing.histories import Recorder
from holdfast.testing.histories.calls import Store
from holdfast.testing.histories.events import monotonic
from holdfast.verification.plan import Order, Played
from holdfast.verification.playing import play
from holdfast.verification.signalling import send
from holdfast.verification.together import together

WORKER: Final = (sys.executable, "-m", "holdfast.verification.worker")
# How long a worker may take to end by itself when there is nothing left to do.
LEAVE: Final = 15.0


class Crew(Protocol):
    """Follows orders, one a place; faults are done to places."""

    complaints: list[str]

    async def play(self, orders: Sequence[Order]) -> list[Played]:
        """Follow one order at each place."""
        ...

    def kill(self, place: int) -> bool:
        """End the worker at a place at once, if there is one; another one takes its place."""
        ...

    def stop(self, place: int) -> bool:
        """Have the worker at a place stand still, if there is one."""
        ...

    def go_on(self, place: int) -> None:
        """Have it go on."""
        ...


class Alone:
    """This process is the only worker: what it is asked for it does itself."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self.complaints: list[str] = []

    async def play(self, orders: Sequence[Order]) -> list[Played]:
        """Follow the one order."""
        (order,) = orders
        with Recorder(self._folder / f"{order.round}-w0.jsonl", process="w0") as recorder:
            try:
                return [await play(self._store, order, recorder, name="w0")]
            except ExceptionGroup as exc:
                # No caller survives what is not an error of the store; what it was is written down.
                self.complaints.append(f"the callers ended with {exc.exceptions[0]!r}")
                return [Played()]

    def kill(self, place: int) -> bool:
        """Nobody is killed here: that would be the end of it all."""
        return False

    def stop(self, place: int) -> bool:
        """Nobody is stopped either."""
        return False

    def go_on(self, place: int) -> None:
        """Nobody has stopped."""


class Swarm:
    """A worker process at each place; `urls` say how each reaches the store."""

    def __init__(self, setup: dict[str, Any], *, urls: Sequence[str]) -> None:
        self._setup = setup
        self._urls = urls
        self._places = range(len(urls))
        self._workers: dict[int, _Worker] = {}
        self._lives: Counter[int] = Counter()
        self.complaints: list[str] = []

    async def __aenter__(self) -> Self:
        try:
            await together(*map(self._start, self._places))
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._leave()

    async def _leave(self) -> None:
        await asyncio.gather(*(worker.leave() for worker in self._workers.values()))

    async def play(self, orders: Sequence[Order]) -> list[Played]:
        """Follow one order at each place; whoever is killed meanwhile has a successor."""
        return list(await together(*map(self._play, self._places, orders)))

    async def _play(self, place: int, order: Order) -> Played:
        while monotonic() < order.until:
            worker = self._workers.get(place) or await self._start(place)
            played = await worker.play(order)
            if played is not None:
                return played
            del self._workers[place]
            code = await worker.process.wait()
            if not worker.killed:
                self.complaints.append(f"worker {worker.name} ended by itself, with {code}")
        return Played()

    async def _start(self, place: int) -> "_Worker":
        self._lives[place] += 1
        name = f"w{place}.{self._lives[place]}"
        # In a group of its own, so that whoever interrupts the command interrupts it alone.
        process = await asyncio.create_subprocess_exec(
            *WORKER, stdin=PIPE, stdout=PIPE, process_group=0
        )
        worker = self._workers[place] = _Worker(name, process)
        await worker.say({**self._setup, "url": self._urls[place], "name": name})
        await worker.hear()
        return worker

    def kill(self, place: int) -> bool:
        """Send SIGKILL."""
        worker = self._workers.get(place)
        if worker is None or not worker.send(signal.SIGKILL):
            return False
        worker.killed = True
        return True

    def stop(self, place: int) -> bool:
        """Send SIGSTOP."""
        worker = self._workers.get(place)
        return worker is not None and worker.send(signal.SIGSTOP)

    def go_on(self, place: int) -> None:
        """Send SIGCONT."""
        if worker := self._workers.get(place):
            worker.send(signal.SIGCONT)


class _Worker:
    """One process, from its start to its end."""

    def __init__(self, name: str, process: Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise TypeError("a worker is spoken to through pipes")
        self.name = name
        self.process = process
        self.killed = False
        self._input, self._output = process.stdin, process.stdout

    async def play(self, order: Order) -> Played | None:
        """Have it follow an order; None when it ended before it could answer."""
        await self.say(order)
        answer = await self.hear()
        return None if answer is None else Played(*answer)

    async def say(self, what: object) -> None:
        """Write a line to it; one that has ended is found out when it does not answer."""
        try:
            self._input.write(json.dumps(what).encode() + b"\n")
            await self._input.drain()
        except ConnectionError:
            return

    async def hear(self) -> Any:
        """Read a line of it; None when it has ended."""
        line = await self._output.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def send(self, what: signal.Signals) -> bool:
        """Send it a signal, if it is still there."""
        return send(self.process, what)

    async def leave(self) -> None:
        """Let it go on and end by itself; if it does not, end it."""
        self.send(signal.SIGCONT)
        self._input.close()
        try:
            async with asyncio.timeout(LEAVE):
                await self.process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.process.wait()
