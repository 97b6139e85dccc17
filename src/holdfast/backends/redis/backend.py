"""The Redis backend: one operation is one call of a script in one slot, or a plain read."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Self

from holdfast.backend import Operation, Outcome
from holdfast.backends.entering import already_open
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.link import Link
from holdfast.bells import Bell, Bells


class RedisBackend:
    """Keeps sessions in Redis or Valkey, at the other end of `link`.

    Entering raises `RuntimeError` while the backend is open. A closed one may be entered again.
    """

    name = "redis"
    answers_can_be_lost = True

    def __init__(self, link: Link) -> None:
        self._link = link
        self._entered = False
        self._caller = Caller(link)
        self._bells = Bells()

    async def __aenter__(self) -> Self:
        if self._entered:
            raise already_open(self.name)
        self._entered = True
        self._caller.forget()
        try:
            await self._link.__aenter__()
        except BaseException:
            self._entered = False
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Wait for the answers under way, and close the connections."""
        try:
            await self._link.__aexit__(*exc_info)
        finally:
            self._entered = False

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation, in one round trip."""
        raise NotImplementedError(operation)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Ring when the session changes, ends, or loses its lease, in whichever process."""
        return self._bells.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Ring when it is this token's turn."""
        return self.listen(key)

    def statistics(self) -> Mapping[str, int]:
        """Count what came over the connections, and listeners."""
        return {"listeners": len(self._bells)}
