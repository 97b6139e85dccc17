"""One deadline for many calls: all of them last equally long, so that they end in order.

A timer of its own for each call (`asyncio.timeout`) costs several microseconds; here one timer
watches the oldest call.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Final

# How many calls that are over may be kept behind one that is not, beside as many as are under way.
SPARE: Final = 64


class Scope:
    """One call: a block that is cancelled when its time is over, and raises `TimeoutError`.

    `task` is who is in the block, None when it has been left.
    """

    __slots__ = ("_cancelling", "_deadlines", "end", "expired", "task")

    def __init__(self, deadlines: "Deadlines") -> None:
        self._deadlines = deadlines
        self.task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self.end = 0.0
        self.expired = False

    def __enter__(self) -> "Scope":
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("A deadline can only be kept in a task.")
        self.task = task
        self._cancelling = task.cancelling()
        self._deadlines.watch(self, loop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task, self.task = self.task, None
        self._deadlines.forget()
        if self.expired and task is not None:
            if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the block."""
        if self.task is not None:
            self.expired = True
            self.task.cancel()


class Deadlines:
    """The calls under way, the oldest first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._scopes: deque[Scope] = deque()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._scopes)

    def scope(self) -> Scope:
        """Give the block of one call."""
        return Scope(self)

    def watch(self, scope: Scope, loop: asyncio.AbstractEventLoop) -> None:
        """Expire a call `seconds` from now."""
        scope.end = loop.time() + self._seconds
        self._scopes.append(scope)
        self._under_way += 1
        if self._timer is None:
            self._timer = loop.call_at(scope.end, self._look)

    def forget(self) -> None:
        """Count one call less, and drop those that are over: the oldest at once, others in time."""
        self._under_way -= 1
        scopes = self._scopes
        while scopes and scopes[0].task is None:
            scopes.popleft()
        if len(scopes) > 2 * self._under_way + SPARE:
            self._scopes = deque(scope for scope in scopes if scope.task is not None)

    def close(self) -> None:
        """Stop looking; the calls under way go on without a deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._scopes and (self._scopes[0].task is None or self._scopes[0].end <= now):
            self._scopes.popleft().expire()
        if self._scopes:
            self._timer = loop.call_at(self._scopes[0].end, self._look)
