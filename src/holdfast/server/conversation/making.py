"""Making one answer: the engine is heard, a draft is kept, a wish to stop is noticed."""

import asyncio
from contextlib import aclosing
from typing import Final

from holdfast.errors import SessionNotFound, StoreUnavailable
from holdfast.server.conversation.drafting import Sketch
from holdfast.support import AgentResponse, Run

# An answer that is there sooner needs no draft.
FIRST_DRAFT_SECONDS: Final = 0.1
DRAFT_SECONDS: Final = 0.2
# How often a draft is kept that has not grown: others see by it that the run is alive.
SIGN_OF_LIFE_SECONDS: Final = 1.0


async def make(run: Run) -> AgentResponse:
    """Have a run that has begun come to its end.

    Raises:
        AnswerUnavailable: the engine failed; the message is kept.
        LeaseLost: somebody else has the session.
        SessionNotFound: the session has ended.
    """
    return await _Making(run).result()


class _Making:
    """One run on its way."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sketch = Sketch()
        self._drafted = False

    async def result(self) -> AgentResponse:
        heard = asyncio.create_task(self._hear())
        stopped = asyncio.create_task(self._until_stopped())
        drafting = asyncio.create_task(self._keep_drafts())
        tasks = (heard, stopped, drafting)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ended_by = next(task for task in tasks if task.done())
        finally:
            await _end(tasks)
        ended_by.result()
        answer = await (self._run.complete() if ended_by is heard else self._run.cancel())
        if self._drafted:
            await self._forget_draft()
        return answer

    async def _hear(self) -> None:
        async with aclosing(self._run.events()) as events:
            async for event in events:
                self._sketch.hear(event)

    async def _until_stopped(self) -> None:
        await asyncio.sleep(FIRST_DRAFT_SECONDS)
        while True:
            try:
                return await self._run.until_stopped()
            except StoreUnavailable as exc:
                await asyncio.sleep(exc.retry_after)

    async def _keep_drafts(self) -> None:
        """Keep a draft whenever there is more to show, and now and then as a sign of life."""
        await asyncio.sleep(FIRST_DRAFT_SECONDS)
        shown: object = None
        quiet = 0.0
        while True:
            state = self._run.text, self._sketch.status, self._sketch.sources
            if state != shown or quiet >= SIGN_OF_LIFE_SECONDS:
                shown, quiet = state, 0.0
                await self._keep()
            await asyncio.sleep(DRAFT_SECONDS)
            quiet += DRAFT_SECONDS

    async def _keep(self) -> None:
        self._drafted = True
        draft = self._sketch.draft(self._run.run_id, self._run.text)
        try:
            kept = await self._run.keep(draft.model_dump(mode="json"))
        except StoreUnavailable:
            # The next one shows more; the run itself waits for the store at its end alone.
            return
        if not kept:
            raise SessionNotFound(self._run.session_id)

    async def _forget_draft(self) -> None:
        try:
            await self._run.keep(None)
        except StoreUnavailable:
            # It is void in any case: its message has an answer.
            return


async def _end(tasks: tuple[asyncio.Task[None], ...]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
