"""The same message again, and turns that have to be taken again."""

import asyncio
from collections.abc import Iterable

import pytest

from holdfast.support import AnswerUnavailable, Failed, SupportAgent
from holdfast.support.knowledge import Knowledge
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine


def agent_with(
    store: Store, knowledge: Knowledge, *, failures: Iterable[Failed] = ()
) -> tuple[SupportAgent, ScriptedEngine]:
    engine = ScriptedEngine(seconds=0.02, failures=failures)
    return SupportAgent(store, knowledge, engine), engine


async def test_the_same_client_message_id_is_answered_once(
    store: Store, knowledge: Knowledge
) -> None:
    """Five copies sent at once, and one later: one turn, one answer, given to all."""
    agent, engine = agent_with(store, knowledge)
    session_id = (await store.create()).session_id
    copies = await asyncio.gather(
        *(agent.process_message(session_id, "hello", client_message_id="c-1") for _ in range(5))
    )
    await agent.process_message(session_id, "something else", client_message_id="c-2")
    copies.append(await agent.process_message(session_id, "hello", client_message_id="c-1"))
    assert [copy.metadata.pop("replayed") for copy in copies] == [False] + [True] * 5
    assert all(copy == copies[0] for copy in copies)
    assert len(engine.turns) == 2
    page = await agent.messages(session_id)
    assert [message.content for message in page.messages] == [
        "hello",
        "re: hello",
        "something else",
        "re: something else",
    ]


async def test_the_same_id_in_another_session_is_another_message(
    store: Store, knowledge: Knowledge
) -> None:
    """A client message id names a message of its session only."""
    agent, engine = agent_with(store, knowledge)
    for _ in range(2):
        session_id = (await store.create()).session_id
        answer = await agent.process_message(session_id, "hello", client_message_id="c-1")
        assert answer.metadata["replayed"] is False
    assert len(engine.turns) == 2


async def test_a_message_is_recognised_in_a_long_log(store: Store, knowledge: Knowledge) -> None:
    """The stored answer is found although hundreds of items came after it."""
    agent, engine = agent_with(store, knowledge)
    session_id = (await store.create()).session_id
    await store.append(session_id, *range(150))
    first = await agent.process_message(session_id, "hello", client_message_id="c-1")
    await store.append(session_id, *range(450))
    again = await agent.process_message(session_id, "hello", client_message_id="c-1")
    assert again.message_id == first.message_id
    assert len(engine.turns) == 1
    newer = await agent.process_message(session_id, "still there?", client_message_id="c-2")
    assert newer.metadata["replayed"] is False


async def test_a_failing_engine_keeps_the_message(store: Store, knowledge: Knowledge) -> None:
    """The error says where the message is kept; the same id again answers it, storing it once."""
    agent, engine = agent_with(
        store, knowledge, failures=[Failed("out", retry_after=7.0), Failed("out")]
    )
    session_id = (await store.create()).session_id
    with pytest.raises(AnswerUnavailable) as first:
        await agent.process_message(session_id, "hello", client_message_id="c-1")
    with pytest.raises(AnswerUnavailable) as second:
        await agent.process_message(session_id, "hello", client_message_id="c-1")
    assert (first.value.number, first.value.retry_after) == (1, 7.0)
    assert (second.value.number, second.value.retry_after) == (1, 5.0)
    assert first.value.message_id == second.value.message_id
    kept = await agent.messages(session_id)
    assert [(message.id, message.content) for message in kept.messages] == [
        (first.value.message_id, "hello")
    ]
    answer = await agent.process_message(session_id, "hello", client_message_id="c-1")
    assert (answer.message, answer.number, answer.message_count) == ("re: hello", 2, 1)
    assert answer.metadata["user_message_id"] == first.value.message_id
    assert engine.turns[-1].history == ()
    again = await agent.process_message(session_id, "hello", client_message_id="c-1")
    assert again.message_id == answer.message_id
    assert (await agent.messages(session_id)).last_number == 2
    session = await store.get(session_id)
    assert session is not None
    assert session.message_count == 1


async def test_the_conversation_goes_on_after_a_failure(store: Store, knowledge: Knowledge) -> None:
    """Messages that wait behind a failed turn are answered; the failed one can be, afterwards."""
    agent, _ = agent_with(store, knowledge, failures=[Failed("out")])
    session_id = (await store.create()).session_id
    outcomes = await asyncio.gather(
        *(agent.process_message(session_id, text, client_message_id=text) for text in "abc"),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], AnswerUnavailable)
    late = await agent.process_message(session_id, "a", client_message_id="a")
    assert (late.number, late.message_count, late.metadata["user_number"]) == (6, 3, 1)
    page = await agent.messages(session_id)
    assert [message.content for message in page.messages] == [
        "a",
        "b",
        "re: b",
        "c",
        "re: c",
        "re: a",
    ]


async def test_a_failure_without_an_id_is_kept_too(store: Store, knowledge: Knowledge) -> None:
    """Without a client message id the message is kept, and sending it again is a new message."""
    agent, _ = agent_with(store, knowledge, failures=[Failed("out")])
    session_id = (await store.create()).session_id
    with pytest.raises(AnswerUnavailable):
        await agent.process_message(session_id, "hello")
    answer = await agent.process_message(session_id, "hello")
    assert (answer.number, answer.message_count) == (3, 2)


async def test_a_failure_that_lasts_is_not_to_be_repeated(
    store: Store, knowledge: Knowledge
) -> None:
    """Nobody is told to try again what will be refused again."""
    failed = Failed("status 401", "The assistant is not available.", retryable=False)
    agent, _ = agent_with(store, knowledge, failures=[failed])
    session_id = (await store.create()).session_id
    with pytest.raises(AnswerUnavailable) as caught:
        await agent.process_message(session_id, "hello")
    assert str(caught.value) == "The assistant is not available. Your message is kept."
    mark = await agent.examine(session_id)
    assert mark is not None
    assert not mark.retryable
