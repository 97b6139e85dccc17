"""A service that stops: runs that go on may end, none is begun, and it is over in time."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest

from holdfast import StoreUnavailable, open_store
from holdfast.server.conversation.runs import Runs
from holdfast.server.model import ServiceSession
from holdfast.support import Answer, EngineEvent, Finished, Incoming, SupportAgent, TextDelta, Turn
from tests.server.provider import provider
from tests.server.serving import served
from tests.server.talking import begun, tab

SOON = 10.0


class Held:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun = asyncio.Event()
        self.let_go = asyncio.Event()

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        self.asked.append(turn.text)
        self.begun.set()
        await self.let_go.wait()
        yield TextDelta("Yes.")
        yield Finished(Answer(text="Yes."))


def said(text: str) -> Incoming:
    return Incoming(text=text, client_message_id=text)


async def test_a_stop_begins_no_run() -> None:
    """Not even that of the message whose worker has just answered one that came before it."""
    engine = Held()
    async with open_store("memory:", model=ServiceSession) as store:
        agent = SupportAgent(store, None, engine)  # type: ignore[arg-type]
        runs = Runs(agent)
        session_id = (await store.create()).session_id
        await agent.accept(session_id, said("first"))
        second = asyncio.create_task(runs.answer(session_id, said("second")))
        async with asyncio.timeout(SOON):
            await engine.begun.wait()
            stopped = runs.stop(seconds=SOON)
            engine.let_go.set()
            await stopped
            with pytest.raises(StoreUnavailable):
                await second
        assert engine.asked == ["first"]
        assert len((await store.read_log(session_id)).items) == 2


async def test_who_has_just_come_is_told_of_the_stop() -> None:
    """Though nothing has been done for them yet."""
    engine = Held()
    async with open_store("memory:", model=ServiceSession) as store:
        runs = Runs(SupportAgent(store, None, engine))  # type: ignore[arg-type]
        session_id = (await store.create()).session_id
        waiting = asyncio.create_task(runs.answer(session_id, said("hello")))
        await asyncio.sleep(0)
        async with asyncio.timeout(SOON):
            await runs.stop(seconds=SOON)
            with pytest.raises(StoreUnavailable):
                await waiting
            with pytest.raises(StoreUnavailable):
                await runs.answer(session_id, said("hello again"))
        assert engine.asked == []


@pytest.mark.slow
async def test_a_stop_takes_no_longer_than_said(tmp_path: Path) -> None:
    """With an answer that a request waits for, and one that nobody waits for."""
    with provider() as model:
        model.says("Once upon a time. " * 500, between=0.05)
        with served(tmp_path, shutdown_seconds="3", **model.settings) as here:
            chats = [await begun(here.url) for _ in range(2)]
            async with httpx2.AsyncClient(timeout=60) as client:
                asked = client.post(
                    f"{chats[0].path}/messages",
                    json={"message": "Tell me a story."},
                    headers=chats[0].headers,
                )
                waiting = asyncio.create_task(asked)
                async with tab(chats[1]) as one:
                    await one.send("Tell me another one.", name="m1")
                    await one.until("delta")
                    began = time.monotonic()
                    assert await asyncio.to_thread(here.stop) == 0
                    assert time.monotonic() - began < 5
                assert (await waiting).status_code == 503
            assert "Traceback" not in here.log()
