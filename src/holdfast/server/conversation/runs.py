"""The runs of this process: they belong to it, and to no socket or request.

One run a session at a time, across all processes, is what the session's lease sees to. Messages
that this process has taken wait here in the order of their numbers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from holdfast.errors import HoldfastError, LeaseUnavailable, StoreUnavailable
from holdfast.server.conversation.making import make
from holdfast.support import (
    Accepted,
    AgentResponse,
    AnswerUnavailable,
    Incoming,
    SupportAgent,
)

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Job:
    """A message to answer. One without a number is stored when its turn has come."""

    incoming: Incoming
    number: int = 0
    waiting: asyncio.Future[AgentResponse] | None = None


class _Queue:
    """The jobs of one session, and whether one of them is in its run."""

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self.current: _Job | None = None
        self.in_run = False
        self.task: asyncio.Task[None] | None = None

    def add(self, job: _Job) -> None:
        """Put a job behind those that were stored before it."""
        place = len(self.jobs)
        while job.number and place and self.jobs[place - 1].number > job.number:
            place -= 1
        self.jobs.insert(place, job)

    def has(self, message_id: str) -> bool:
        """Say whether a stored message waits here already, or is being answered."""
        jobs = [*self.jobs, self.current] if self.current else self.jobs
        return any(job.incoming.message_id == message_id for job in jobs)

    @contextmanager
    def running(self) -> Generator[None]:
        """Count the block as a run."""
        self.in_run = True
        try:
            yield
        finally:
            self.in_run = False


class Runs:
    """Takes messages, and has the agent answer them one by one."""

    def __init__(self, agent: SupportAgent) -> None:
        self._agent = agent
        self._queues: dict[str, _Queue] = {}
        self._end: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(queue.in_run for queue in self._queues.values())

    async def send(self, session_id: str, incoming: Incoming) -> Accepted:
        """Store a message and see to its answer; sent again it is stored once, and taken up again.

        Raises:
            HoldfastError: see `SupportAgent.accept`.
        """
        accepted = await self._agent.accept(session_id, incoming)
        if not accepted.answered:
            stored = replace(incoming, message_id=accepted.message_id)
            self.resume(session_id, stored, number=accepted.number)
        return accepted

    async def answer(self, session_id: str, incoming: Incoming) -> AgentResponse:
        """Answer a message, which is stored when its turn has come; see `SupportAgent.run`.

        Who waits may be cancelled; the answer is made all the same.
        """
        waiting: asyncio.Future[AgentResponse] = asyncio.get_running_loop().create_future()
        # What nobody waits for any more is not an error that nobody has seen.
        waiting.add_done_callback(lambda told: told.cancelled() or told.exception())
        self._add(session_id, _Job(incoming, waiting=waiting))
        return await asyncio.shield(waiting)

    def resume(self, session_id: str, stored: Incoming, *, number: int) -> None:
        """See to the answer of a stored message, unless that is being done here."""
        queue = self._queues.get(session_id)
        if stored.message_id is None or (queue and queue.has(stored.message_id)):
            return
        self._add(session_id, _Job(stored, number))

    async def cancel(self, session_id: str, run_id: str | None = None) -> str | None:
        """Ask for a run to stop, whichever process runs it; None when it is over already."""
        return await self._agent.request_stop(session_id, run_id)

    def runs(self, session_id: str) -> bool:
        """Say whether a run of the session goes on in this process."""
        queue = self._queues.get(session_id)
        return queue is not None and queue.in_run

    def stop(self, *, seconds: float) -> "asyncio.Task[None]":
        """Begin no run any more; runs that go on may end within this time, then are interrupted.

        Give what ends with the last of them; asked for again, it is the same.
        """
        if self._end is None:
            for queue in self._queues.values():
                if not queue.in_run and queue.task:
                    queue.task.cancel()
            self._end = asyncio.create_task(self._interrupt(seconds), name="holdfast-drain")
        return self._end

    async def _interrupt(self, seconds: float) -> None:
        tasks = [queue.task for queue in self._queues.values() if queue.task]
        if tasks:
            _, going_on = await asyncio.wait(tasks, timeout=seconds)
            for task in going_on:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _add(self, session_id: str, job: _Job) -> None:
        queue = self._queues.setdefault(session_id, _Queue())
        queue.add(job)
        if queue.task is None:
            work = self._work(session_id, queue)
            queue.task = asyncio.create_task(work, name="holdfast-runs")
            # Not in the task: one that is cancelled before its first step does nothing at all.
            queue.task.add_done_callback(lambda _: self._over(session_id, queue))

    async def _work(self, session_id: str, queue: _Queue) -> None:
        """Answer one message after another, until there is none left."""
        while queue.jobs and self._end is None:
            queue.current = queue.jobs.popleft()
            await self._attend(session_id, queue, queue.current)
        self._over(session_id, queue)

    def _over(self, session_id: str, queue: _Queue) -> None:
        """Forget a queue that is done with, and refuse what is left in it."""
        if self._queues.get(session_id) is queue:
            del self._queues[session_id]
        left = [*queue.jobs] if queue.current is None else [queue.current, *queue.jobs]
        queue.current = None
        queue.jobs.clear()
        for job in left:
            _refuse(job, _stopping())

    async def _attend(self, session_id: str, queue: _Queue, job: _Job) -> None:
        """Answer one message, and tell whoever waits for it how that went."""
        try:
            answer = await self._run(session_id, queue, job.incoming)
        except LeaseUnavailable as exc:
            if job.waiting is None:
                # It was acknowledged: it waits on, behind whatever holds the session.
                queue.jobs.appendleft(job)
            else:
                _refuse(job, exc)
        except HoldfastError as exc:
            _refuse(job, exc)
        except Exception as exc:
            logger.exception("chat.run_broken")
            _refuse(job, exc)
        else:
            if job.waiting and not job.waiting.done():
                job.waiting.set_result(answer)
        queue.current = None

    async def _run(self, session_id: str, queue: _Queue, incoming: Incoming) -> AgentResponse:
        """Answer a message, after those that were stored before it and still wait."""
        while self._end is None:
            async with self._agent.run(session_id, incoming, in_order=True) as run:
                if run.replayed is not None:
                    return run.replayed
                try:
                    with queue.running():
                        answer = await make(run)
                except AnswerUnavailable:
                    if not run.for_another:
                        raise
                else:
                    if not run.for_another:
                        return answer
        raise _stopping()


def _stopping() -> StoreUnavailable:
    return StoreUnavailable("The service is stopping")


def _refuse(job: _Job, error: Exception) -> None:
    if job.waiting is None:
        # Tabs see it in the session; the message waits there to be sent again.
        logger.info("chat.run_ended", extra={"reason": type(error).__name__})
    elif not job.waiting.done():
        job.waiting.set_exception(error)
