"""A run whose worker is silent is taken over, and no other run is."""

import asyncio

import pytest

from holdfast import Change, LeaseLost
from holdfast.support import Incoming, SupportAgent
from holdfast.support.knowledge import Knowledge
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine


def said(text: str) -> Incoming:
    return Incoming(text=text, client_message_id=text)


async def state_of(store: Store, session_id: str) -> tuple[str, str] | None:
    session = await store.get(session_id, fresh=True)
    assert session is not None
    return (session.run.run_id, session.run.state) if session.run else None


async def take_over(agent: SupportAgent, session_id: str, run_id: str) -> None:
    """As another worker does."""
    await asyncio.create_task(agent.take_over(session_id, run_id))


async def finish(agent: SupportAgent, session_id: str, text: str) -> str:
    async with agent.run(session_id, said(text)) as run:
        assert [event async for event in run.events()]
        await run.complete()
    return run.run_id


async def test_a_silent_run_loses_the_session(store: Store, knowledge: Knowledge) -> None:
    """It is marked as interrupted, can change nothing any more, and another run can begin."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id

    async def too_late() -> None:
        async with agent.run(session_id, said("a")) as run:
            await take_over(agent, session_id, run.run_id)
            assert await state_of(store, session_id) == (run.run_id, "interrupted")
            assert [event async for event in run.events()]
            await run.complete()

    with pytest.raises(LeaseLost):
        await too_late()
    await finish(agent, session_id, "a")


async def test_the_next_run_is_left_alone(store: Store, knowledge: Knowledge) -> None:
    """Taking over a run that is over costs the one that goes on nothing."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    first = await finish(agent, session_id, "a")
    async with agent.run(session_id, said("b")) as run:
        await take_over(agent, session_id, first)
        assert await state_of(store, session_id) == (run.run_id, "running")
        assert [event async for event in run.events()]
        assert (await run.complete()).message == "re: b"


async def test_whoever_has_the_session_by_now_keeps_it(store: Store, knowledge: Knowledge) -> None:
    """A mark that was left behind costs the holder of the lease nothing; freed, it is found."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    async with agent.run(session_id, said("a")) as run:
        session = await store.get(session_id, fresh=True)
        assert session is not None
        left = session.run
        assert [event async for event in run.events()]
        await run.complete()
    async with store.lease(session_id) as lease:
        await lease.apply(Change(set={"run": left}))
        await take_over(agent, session_id, run.run_id)
        await lease.apply(Change())
        assert await state_of(store, session_id) == (run.run_id, "running")
    await take_over(agent, session_id, run.run_id)
    assert await state_of(store, session_id) == (run.run_id, "interrupted")
