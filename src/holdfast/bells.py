"""Wake-ups inside one process: who waits for a session is woken when it moves."""

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager


class Bell:
    """One listener's bell. A ring that comes while nobody waits is kept for the next wait."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the listener now, or when it next waits."""
        self._event.set()

    async def rung(self, timeout: float | None = None) -> bool:
        """Wait for a ring, `timeout` seconds at most; say whether it came."""
        try:
            async with asyncio.timeout(timeout):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Bells:
    """The bells of all listeners in the process, by key. Nothing is kept for a key without one."""

    def __init__(self) -> None:
        self._bells: dict[str, set[Bell]] = {}

    def __len__(self) -> int:
        return len(self._bells)

    def __iter__(self) -> Iterator[str]:
        """Give the keys that are listened to."""
        return iter(tuple(self._bells))

    def __contains__(self, key: str) -> bool:
        return key in self._bells

    @contextmanager
    def listen(self, key: str) -> Generator[Bell]:
        """Be rung for `key` as long as the block lasts."""
        bell = Bell()
        self._bells.setdefault(key, set()).add(bell)
        try:
            yield bell
        finally:
            bells = self._bells[key]
            bells.discard(bell)
            if not bells:
                del self._bells[key]

    def ring(self, key: str) -> None:
        """Wake whoever listens to `key`."""
        for bell in self._bells.get(key, ()):
            bell.ring()

    def ring_all(self) -> None:
        """Wake everybody: something moved, and nobody can say what."""
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()
