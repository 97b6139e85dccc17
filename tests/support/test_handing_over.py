"""From a conversation to a ticket: once."""

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest

from holdfast import Change
from holdfast.support import (
    AgentPolicy,
    Answer,
    EngineEvent,
    EscalationPolicy,
    Failed,
    Finished,
    SupportAgent,
    Turn,
)
from holdfast.support.knowledge import Knowledge
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine

PERSON = "I would like to talk to a person, please."
ANGRY = "This is URGENT and unacceptable!! I will take legal action, you are useless."
TICKET = re.compile(r"T-[A-Z2-7]{20}")


class DecliningEngine:
    """Finds nothing, and offers a person."""

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        yield Finished(Answer(text="I do not know. Shall I get a person?", declined=True))


async def test_twenty_requests_at_once_open_one_ticket(store: Store, knowledge: Knowledge) -> None:
    """One flag and one ticket; the first answer announces it, all others name the same one."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    answers = await asyncio.gather(*(agent.process_message(session_id, PERSON) for _ in range(20)))
    tickets = {answer.ticket_id for answer in answers}
    assert len(tickets) == 1
    [ticket_id] = tickets
    assert ticket_id is not None
    assert TICKET.fullmatch(ticket_id)
    assert [("passed" in answer.message) for answer in answers] == [True] + [False] * 19
    assert all(ticket_id in answer.message for answer in answers)
    assert all(answer.requires_escalation for answer in answers)
    kept = await store.get(session_id)
    assert kept is not None
    assert (kept.escalated, kept.ticket_id, kept.message_count) == (True, ticket_id, 20)
    written = [item.value.get("ticket") for item in await store.items(session_id)]
    assert sum(ticket is not None for ticket in written) == 1


async def test_an_explicit_request_needs_no_engine(store: Store, knowledge: Knowledge) -> None:
    """A visitor who asks for a person is not given articles first."""
    engine = ScriptedEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    answer = await agent.process_message(session_id, PERSON)
    assert engine.turns == []
    assert answer.metadata["outcome"] == "handed_over"
    assert answer.metadata["session_stats"]["escalated"] is True
    assert answer.sources == ()


async def test_an_angry_visitor_gets_answer_and_ticket(store: Store, knowledge: Knowledge) -> None:
    """The engine answers, and one sentence says that a person follows, by the ticket's id."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    answer = await agent.process_message(session_id, ANGRY)
    told, notice = answer.message.split("\n\n")
    assert told == f"re: {ANGRY}"
    assert answer.ticket_id is not None
    assert notice.endswith(f"your ticket is {answer.ticket_id}.")
    calm = await agent.process_message(session_id, "Where is the sauna?")
    assert (calm.message, calm.requires_escalation) == ("re: Where is the sauna?", False)
    assert calm.ticket_id == answer.ticket_id


async def test_the_ticket_tells_a_person_what_happened(store: Store, knowledge: Knowledge) -> None:
    """Reasons, scores, category, priority, summary and transcript are stored with the session."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    assert await agent.ticket(session_id) is None
    await agent.process_message(session_id, "My kayak leaks.")
    answer = await agent.process_message(session_id, ANGRY)
    ticket = await agent.ticket(session_id)
    assert ticket is not None
    assert ticket.ticket_id == answer.ticket_id
    assert ticket.category == "legal"
    assert ticket.priority == "high"
    assert ticket.total >= 0.7
    assert ticket.scores["urgency"] > 0
    assert any("unacceptable" in reason for reason in ticket.reasons)
    assert "My kayak leaks." in ticket.summary
    assert [(line.role, line.content) for line in ticket.transcript] == [
        ("user", "My kayak leaks."),
        ("assistant", "re: My kayak leaks."),
        ("user", ANGRY),
    ]


async def test_visitors_do_not_see_the_scores(store: Store, knowledge: Knowledge) -> None:
    """A message shows its ticket's id, and nothing else of the ticket."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    answer = await agent.process_message(session_id, PERSON)
    page = await agent.messages(session_id)
    shown = page.messages[-1].model_dump(exclude_none=True)
    assert shown["ticket_id"] == answer.ticket_id
    assert shown["requires_escalation"] is True
    assert not {"ticket", "scores", "reasons", "summary"} & shown.keys()


async def test_yes_to_the_offer_of_a_person_is_a_request(
    store: Store, knowledge: Knowledge
) -> None:
    """After the offer of a person a plain yes hands over; elsewhere it does not."""
    agent = SupportAgent(store, knowledge, DecliningEngine())
    session_id = (await store.create()).session_id
    early = await agent.process_message(session_id, "Yes, please!")
    assert early.ticket_id is None
    late = await agent.process_message(session_id, "Yes, please!")
    assert late.ticket_id is not None


async def test_declined_is_not_escalated(store: Store, knowledge: Knowledge) -> None:
    """Not knowing offers a person and forces none."""
    agent = SupportAgent(store, knowledge, DecliningEngine())
    session_id = (await store.create()).session_id
    answer = await agent.process_message(session_id, "How heavy is the moon?")
    assert (answer.requires_escalation, answer.ticket_id) == (False, None)
    assert answer.metadata["outcome"] == "declined"
    assert answer.sources == ()


async def test_a_person_can_be_had_while_the_engine_is_out(
    store: Store, knowledge: Knowledge
) -> None:
    """A conversation that has to go to a person goes there without an engine."""
    agent = SupportAgent(store, knowledge, ScriptedEngine(failures=[Failed("out")] * 2))
    session_id = (await store.create()).session_id
    answer = await agent.process_message(session_id, ANGRY)
    assert answer.ticket_id is not None
    assert answer.metadata["outcome"] == "handed_over"


async def test_a_flag_raised_meanwhile_opens_no_second_ticket(
    store: Store, knowledge: Knowledge
) -> None:
    """Where somebody raised the flag while the engine worked, the ticket told is theirs."""
    agent = SupportAgent(store, knowledge, ScriptedEngine(seconds=0.1))
    session_id = (await store.create()).session_id
    message = agent.process_message(session_id, ANGRY, client_message_id="c-1")
    turn = asyncio.create_task(message)
    await asyncio.sleep(0.05)
    await store.apply(session_id, Change(claim=["escalated"], set={"ticket_id": "T-desk"}))
    answer = await turn
    assert (answer.ticket_id, answer.message) == ("T-desk", f"re: {ANGRY}")
    kept = await store.get(session_id)
    assert kept is not None
    assert (kept.ticket_id, kept.message_count) == ("T-desk", 1)
    assert await agent.ticket(session_id) is None


async def test_escalation_can_be_turned_off(store: Store, knowledge: Knowledge) -> None:
    """With escalation off nothing is handed over, asked for or not."""
    policy = AgentPolicy(escalation=EscalationPolicy(enabled=False))
    agent = SupportAgent(store, knowledge, ScriptedEngine(), policy=policy)
    session_id = (await store.create()).session_id
    for text in (PERSON, ANGRY):
        answer = await agent.process_message(session_id, text)
        assert (answer.requires_escalation, answer.ticket_id) == (False, None)
        assert answer.message == f"re: {text}"


async def test_a_long_conversation_fits_into_a_ticket(store: Store, knowledge: Knowledge) -> None:
    """The transcript holds the last 50 messages, each cut to 2,000 characters."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    for number in range(40):
        await agent.process_message(session_id, f"{number} {'x' * 2500}")
    await agent.process_message(session_id, PERSON)
    ticket = await agent.ticket(session_id)
    assert ticket is not None
    assert len(ticket.transcript) == 50
    assert ticket.transcript[-1].content == PERSON
    assert max(len(line.content) for line in ticket.transcript) == 2000
    assert len(ticket.summary) < 1000


@pytest.mark.parametrize("keywords", [{"x": 0.5}, {"x": 1.1}, {"  ": 1.0}])
def test_a_keyword_is_worth_0_6_to_1(keywords: dict[str, float]) -> None:
    """A keyword out of range is refused when the agent is set up."""
    with pytest.raises(ValueError, match="keywords"):
        EscalationPolicy(keywords=keywords)
