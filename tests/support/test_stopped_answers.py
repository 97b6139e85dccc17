"""Answers that the visitor stopped: what is kept of them is true, and a due ticket is opened."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from holdfast import Change
from holdfast.support import (
    AgentPolicy,
    Answer,
    EngineEvent,
    EscalationPolicy,
    Finished,
    Incoming,
    Source,
    SourcesCited,
    SupportAgent,
    TextDelta,
    TextWithdrawn,
    Turn,
)
from holdfast.support.engines import EngineSettings, open_engine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.conftest import Store
from tests.support.fake_openai import serving, text, tool_call

URGENT = "This is urgent, my parcel is lost!"
POLICY = AgentPolicy(escalation=EscalationPolicy(threshold=0.05))


def source(rank: int) -> Source:
    return Source(title=f"Article {rank}", content="…", uri=f"kb:{rank}", score=1.0, rank=rank)


class Citing:
    """Cites as it goes, and is never done."""

    def __init__(self, *told: EngineEvent) -> None:
        self._told = told

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        for event in self._told:
            yield event
        await asyncio.Event().wait()
        yield Finished(Answer(text=""))


async def stopped(agent: SupportAgent, session_id: str, said: str, *, after: int) -> None:
    """Ask, read so many events, and stop the answer."""
    async with agent.run(session_id, Incoming(text=said)) as run:
        async with aclosing(run.events()) as events:
            for _ in range(after):
                await anext(events)
        await run.cancel()


async def test_a_stopped_answer_has_the_sources_that_it_cites(
    store: Store, knowledge: Knowledge
) -> None:
    """Sources that were told and not cited yet are left out."""
    told = (
        SourcesCited((source(1), source(2))),
        TextDelta("At the boathouse [1]. "),
        TextDelta("Late [2]."),
    )
    agent = SupportAgent(store, knowledge, Citing(*told))
    session_id = (await store.create()).session_id
    await stopped(agent, session_id, "Where?", after=2)
    _, answer = (await agent.messages(session_id)).messages
    assert (answer.content, answer.outcome) == ("At the boathouse [1].", "stopped")
    assert answer.sources == (source(1),)


async def test_what_was_withdrawn_is_not_cited(store: Store, knowledge: Knowledge) -> None:
    """A remark that was taken back takes its sources along."""
    told = (
        SourcesCited((source(1),)),
        TextDelta("Let me look [1]."),
        TextWithdrawn("Let me look [1]."),
        TextDelta("It is [1]"),
    )
    agent = SupportAgent(store, knowledge, Citing(*told))
    session_id = (await store.create()).session_id
    await stopped(agent, session_id, "Where?", after=4)
    _, answer = (await agent.messages(session_id)).messages
    assert (answer.content, answer.sources) == ("It is [1]", ())


async def test_sources_are_told_with_the_text_that_cites_them(knowledge: Knowledge) -> None:
    """A model's answer can be stopped at any word: what it cites by then is known."""
    said = "Rent it at the boathouse [1]. A late hour costs 15 euros [2]. " + "Ask us. " * 20
    async with serving() as service:
        service.script += [tool_call("search_knowledge", question="rent a kayak"), text(said)]
        settings = EngineSettings(
            provider="compatible", model="fake", base_url=service.base_url, max_retries=0
        )
        turn = Turn(text="How do I rent a kayak?", history=(), library=Library(knowledge))
        async with open_engine(settings) as engine:
            events = [event async for event in engine.stream(turn)]
    known, written = 0, ""
    for event in events:
        if isinstance(event, SourcesCited):
            known = len(event.sources)
        elif isinstance(event, TextDelta):
            written += event.text
            assert known == sum(f"[{rank}]" in written for rank in (1, 2))
    assert known == 2


async def test_a_due_ticket_is_opened_though_the_answer_is_stopped(
    store: Store, knowledge: Knowledge
) -> None:
    """Once: the visitor reads what was told, and that a person will answer."""
    agent = SupportAgent(store, knowledge, Citing(TextDelta("Parcels")), policy=POLICY)
    session_id = (await store.create()).session_id
    await stopped(agent, session_id, URGENT, after=1)
    await stopped(agent, session_id, URGENT, after=1)
    session = await store.get(session_id)
    ticket = await agent.ticket(session_id)
    assert session is not None
    assert ticket is not None
    assert (session.escalated, session.ticket_id) == (True, ticket.ticket_id)
    _, first, _, second = (await agent.messages(session_id)).messages
    assert first.content.startswith("Parcels\n\nI have passed this conversation")
    assert (first.outcome, first.ticket_id) == ("handed_over", ticket.ticket_id)
    assert (second.content, second.outcome) == ("Parcels", "stopped")
    assert second.ticket_id == ticket.ticket_id


async def test_somebody_else_may_have_opened_the_ticket(store: Store, knowledge: Knowledge) -> None:
    """A flag that was raised meanwhile is left as it is, and the stopped answer is stored."""
    agent = SupportAgent(store, knowledge, Citing(TextDelta("Parcels")), policy=POLICY)
    session_id = (await store.create()).session_id
    async with agent.run(session_id, Incoming(text=URGENT)) as run:
        async with aclosing(run.events()) as events:
            await anext(events)
        await store.apply(session_id, Change(claim=("escalated",)))
        answer = await run.cancel()
    assert (answer.message, answer.metadata["outcome"]) == ("Parcels", "stopped")
    assert await agent.ticket(session_id) is None
