"""One deadline for many calls: all of them last equally long, so that they end in order.

A timer of its own for each call (`asyncio.timeout`) costs several microseconds; here one that ticks
while there are calls looks after all of them.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

# In a share of the time that calls may last; one that lasts longer ends one tick late at most.
TICK: Final = 0.02

Task = asyncio.Task[Any]


class Deadlines:
    """Cancels tasks whose call lasts too long; each task makes one call at a time.

    task = deadlines.begin()
    try:
        ...
    except asyncio.CancelledError as exc:
        if deadlines.was_over(task):
            raise TimeoutError from exc
        raise
    finally:
        deadlines.end(task)
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # The clock of the loop that the timer ticks in.
        self._time: Callable[[], float] = monotonic
        # Who makes a call, the oldest first, and until when.
        self._under_way: dict[Task, float] = {}
        # How often each had been cancelled when it began, where it had been, and who is too late.
        self._cancelled: dict[Task, int] = {}
        self._late: set[Task] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._under_way) + len(self._cancelled) + len(self._late)

    def begin(self) -> Task:
        """Begin a call of this task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A deadline can only be kept in a task.")
        if self._timer is None:
            self._look()
        if cancelled := task.cancelling():
            self._cancelled[task] = cancelled
        # Asked for each call: the timer stands still while the program is busy.
        self._under_way[task] = self._time() + self._seconds
        return task

    def is_over(self, task: Task) -> bool:
        """Say whether the time of its call is over."""
        return task in self._late

    def was_over(self, task: Task) -> bool:
        """Take back the cancellation that came with the end; say whether it was the only one."""
        if task not in self._late:
            return False
        self._late.discard(task)
        return task.uncancel() <= self._cancelled.get(task, 0)

    def end(self, task: Task) -> None:
        """End its call, however it went."""
        if self._under_way.pop(task, None) is None:
            self.was_over(task)
        if self._cancelled:
            self._cancelled.pop(task, None)

    def close(self) -> None:
        """Stop looking; the calls under way go on without a deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Cancel the calls whose time is over."""
        loop = asyncio.get_running_loop()
        self._time = loop.time
        now = loop.time()
        while self._under_way:
            task, end = next(iter(self._under_way.items()))
            if end > now:
                break
            del self._under_way[task]
            self._late.add(task)
            task.cancel()
        self._timer = loop.call_later(self._seconds * TICK, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._under_way:
            self._look()
