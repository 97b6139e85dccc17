"""A message whose run failed is run again when its visitor asks for it, and not before."""

from collections.abc import Sequence

import pytest

from holdfast.support import AnswerUnavailable, Failed, Incoming, SupportAgent
from holdfast.support.knowledge import Knowledge
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine

FAILED = Failed("status 500", "Not now.", None)


async def sent(agent: SupportAgent, session_id: str, text: str) -> None:
    """Send a message, and have runs begin until it has had one."""
    incoming = Incoming(text=text, client_message_id=text)
    for_another = True
    while for_another:
        async with agent.run(session_id, incoming, in_order=True) as run:
            assert [event async for event in run.events()]
            for_another = run.for_another
            try:
                await run.complete()
            except AnswerUnavailable:
                continue


@pytest.mark.parametrize("stored_first", [True, False])
@pytest.mark.parametrize("failures", [[FAILED] * 2, [FAILED] * 3, [FAILED] * 4])
async def test_one_message_sent_again_is_run_alone(
    store: Store, knowledge: Knowledge, stored_first: bool, failures: Sequence[Failed]
) -> None:
    """Whether that succeeds or not, the other failed ones wait until they are sent again."""
    engine = ScriptedEngine(failures=failures)
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    for text in ("m1", "m2", "m1", "m3", "m2"):
        if stored_first:
            await agent.accept(session_id, Incoming(text=text, client_message_id=text))
        await sent(agent, session_id, text)
    assert [turn.text for turn in engine.turns] == ["m1", "m2", "m1", "m3", "m2"]


async def test_what_waits_is_still_answered_first(store: Store, knowledge: Knowledge) -> None:
    """A message that was stored and never had a run still goes before a later one."""
    engine = ScriptedEngine(failures=[FAILED])
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    await sent(agent, session_id, "m1")
    for text in ("m2", "m3"):
        await agent.accept(session_id, Incoming(text=text, client_message_id=text))
    await sent(agent, session_id, "m1")
    await sent(agent, session_id, "m3")
    assert [turn.text for turn in engine.turns] == ["m1", "m1", "m2", "m3"]
