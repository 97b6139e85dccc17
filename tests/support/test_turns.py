"""Turns: one at a time, all of them, each two changes: the message, then its answer."""

import asyncio
import json

import pytest

from holdfast import (
    InvalidSession,
    Keyring,
    LeaseUnavailable,
    LimitReached,
    SessionNotFound,
)
from holdfast.fingerprint import Fingerprints
from holdfast.support import AgentPolicy, AgentResponse, Incoming, SupportAgent
from holdfast.support.knowledge import Knowledge
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine


@pytest.mark.parametrize("callers", [10, 50])
async def test_concurrent_messages_are_answered_one_after_another(
    store: Store, knowledge: Knowledge, callers: int
) -> None:
    """All messages are answered, in the order they came, and each counts once."""
    engine = ScriptedEngine(seconds=0.2 if callers == 10 else 0.02)
    agent = SupportAgent(store, knowledge, engine)
    session = await store.create()
    texts = [f"message {number}" for number in range(callers)]
    answers = await asyncio.gather(
        *(agent.process_message(session.session_id, text) for text in texts)
    )
    assert [answer.message for answer in answers] == [f"re: {text}" for text in texts]
    assert [answer.message_count for answer in answers] == list(range(1, callers + 1))
    assert [answer.number for answer in answers] == list(range(2, 2 * callers + 1, 2))
    assert engine.most_at_once == 1
    page = await agent.messages(session.session_id, limit=1000)
    assert [message.content for message in page.messages if message.role == "user"] == texts
    kept = await store.get(session.session_id)
    assert kept is not None
    assert kept.message_count == callers
    assert kept.revision == 1 + 2 * callers
    assert kept.run is None


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_fifty_turns_of_200_ms_all_get_their_turn(knowledge: Knowledge, store: Store) -> None:
    """The last of fifty waits ten seconds, and opens the session's only ticket like any other."""
    agent = SupportAgent(store, knowledge, ScriptedEngine(seconds=0.2))
    session = await store.create()
    texts = ["Get me a human!" if number % 10 == 0 else "Hm" for number in range(50)]
    answers = await asyncio.gather(
        *(agent.process_message(session.session_id, text) for text in texts)
    )
    assert [answer.message_count for answer in answers] == list(range(1, 51))
    assert len({answer.ticket_id for answer in answers}) == 1


async def test_sessions_do_not_wait_for_each_other(store: Store, knowledge: Knowledge) -> None:
    """Turns of ten sessions run at the same time, and none sees what another session holds."""
    engine = ScriptedEngine(seconds=0.1)
    agent = SupportAgent(store, knowledge, engine)
    ids = [(await store.create()).session_id for _ in range(10)]
    for round_number in range(2):
        answers = await asyncio.gather(
            *(agent.process_message(one, f"{round_number} of {one}") for one in ids)
        )
        for one, answer in zip(ids, answers, strict=True):
            assert answer.session_id == one
            assert answer.message == f"re: {round_number} of {one}"
    assert engine.most_at_once > 1
    for turn in engine.turns[10:]:
        own = turn.text.removeprefix("1 of ")
        assert [said.text for said in turn.history] == [f"0 of {own}", f"re: 0 of {own}"]
    for one in ids:
        page = await agent.messages(one)
        assert all(one in message.content for message in page.messages)
        assert page.last_number == 4


async def test_an_answer_carries_all_fields(store: Store, knowledge: Knowledge) -> None:
    """The answer dumps to the body that the interface promises."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session = await store.create(user_id="u-1")
    answer = await agent.process_message(
        session.session_id, "  Hello there  ", user_id="u-1", request_id="r-1"
    )
    body = json.loads(answer.model_dump_json())
    page = await agent.messages(session.session_id)
    said, reply = page.messages
    time = body.pop("processing_time_ms")
    assert 0 <= time < 5000
    assert body == {
        "message_id": reply.id,
        "number": 2,
        "message": "re: Hello there",
        "sources": [],
        "requires_escalation": False,
        "ticket_id": None,
        "confidence": 0.0,
        "tools_used": [],
        "message_count": 1,
        "session_id": session.session_id,
        "request_id": "r-1",
        "metadata": {
            "session_stats": {
                "message_count": 1,
                "created_at": session.created_at.isoformat().replace("+00:00", "Z"),
                "escalated": False,
            },
            "outcome": "talk",
            "replayed": False,
            "user_message_id": said.id,
            "user_number": 1,
            "cost": 0,
            "budget_remaining": None,
            "items": [],
        },
    }
    kept = await store.get(session.session_id)
    assert kept is not None
    assert kept.request_id == "r-1"


async def test_messages_come_in_pages(store: Store, knowledge: Knowledge) -> None:
    """Pages follow each other by number; what others put into the log is not shown."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    for text in ("one", "two"):
        await agent.process_message(session_id, text, client_message_id=f"c-{text}")
    await store.append(session_id, "a note", {"kind": "message"}, {"role": "user"})
    await agent.process_message(session_id, "three")
    first = await agent.messages(session_id, limit=3)
    rest = await agent.messages(session_id, after=first.messages[-1].number)
    shown = [*first.messages, *rest.messages]
    assert [(message.number, message.role, message.content) for message in shown] == [
        (1, "user", "one"),
        (2, "assistant", "re: one"),
        (3, "user", "two"),
        (4, "assistant", "re: two"),
        (8, "user", "three"),
        (9, "assistant", "re: three"),
    ]
    assert first.last_number == rest.last_number == 9
    assert [message.client_message_id for message in shown[:3]] == ["c-one", None, "c-two"]
    assert shown[1].reply_to == shown[0].id
    with pytest.raises(SessionNotFound):
        await agent.messages("nobody")
    with pytest.raises(InvalidSession, match="limit"):
        await agent.messages(session_id, limit=0)


async def test_a_turn_reads_the_messages_before_it(store: Store, knowledge: Knowledge) -> None:
    """The engine is told what was said before, the last messages only."""
    engine = ScriptedEngine()
    agent = SupportAgent(store, knowledge, engine, policy=AgentPolicy(history=3))
    session_id = (await store.create()).session_id
    for text in ("one", "two", "three"):
        await agent.process_message(session_id, text)
    assert engine.turns[0].history == ()
    assert [tuple(said) for said in engine.turns[2].history] == [
        ("agent", "re: one"),
        ("visitor", "two"),
        ("agent", "re: two"),
    ]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("message", {"message": "   "}),
        ("message", {"message": "x" * 8001}),
        ("message", {"message": "\ud800"}),
        ("user_id", {"message": "x", "user_id": ""}),
        ("request_id", {"message": "x", "request_id": "x" * 256}),
        ("client_message_id", {"message": "x", "client_message_id": "x" * 201}),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    store: Store, knowledge: Knowledge, field: str, given: dict[str, str]
) -> None:
    """A value that breaks a rule is refused by the name of its field."""
    engine = ScriptedEngine()
    session = await store.create()
    with pytest.raises(InvalidSession) as caught:
        await SupportAgent(store, knowledge, engine).process_message(session.session_id, **given)
    assert caught.value.field == field
    assert engine.turns == []
    assert await store.get(session.session_id) == session


async def test_the_longest_message_is_taken(store: Store, knowledge: Knowledge) -> None:
    """8,000 characters of whatever script fit, spaces around them do not count."""
    session = await store.create()
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    answer = await agent.process_message(session.session_id, f"  {'🪢' * 8000}\n")
    assert answer.message == f"re: {'🪢' * 8000}"


async def test_a_session_is_not_made_by_a_message(store: Store, knowledge: Knowledge) -> None:
    """A message to an id that was never issued is refused, and leaves no session."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    with pytest.raises(SessionNotFound):
        await agent.process_message("made-up", "hello")
    assert await store.count_active() == 0


async def test_a_session_of_another_user_is_refused(store: Store, knowledge: Knowledge) -> None:
    """A user's session answers that user; without a user's id the server has decided already."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session = await store.create(user_id="ann")
    with pytest.raises(InvalidSession, match="user_id"):
        await agent.process_message(session.session_id, "hello", user_id="bob")
    assert (await agent.process_message(session.session_id, "hello")).message_count == 1


async def test_the_message_limit_is_kept(store: Store, knowledge: Knowledge) -> None:
    """Of five messages at once to a session that may hold three, three are answered."""
    engine = ScriptedEngine(seconds=0.01)
    agent = SupportAgent(store, knowledge, engine, policy=AgentPolicy(max_messages=3))
    session = await store.create()
    outcomes = await asyncio.gather(
        *(agent.process_message(session.session_id, "hello") for _ in range(5)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, LimitReached)]
    assert [(one.counter, one.value, one.limit) for one in refused] == [("message_count", 3, 3)] * 2
    assert sum(isinstance(outcome, AgentResponse) for outcome in outcomes) == 3
    assert len(engine.turns) == 3
    assert (await agent.messages(session.session_id)).last_number == 6


async def test_the_change_itself_holds_the_limit(store: Store, knowledge: Knowledge) -> None:
    """Of ten messages accepted at once, none waiting for another, three are stored."""
    agent = SupportAgent(store, knowledge, ScriptedEngine(), policy=AgentPolicy(max_messages=3))
    session_id = (await store.create()).session_id
    outcomes = await asyncio.gather(
        *(agent.accept(session_id, Incoming(text=str(number))) for number in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, LimitReached) for outcome in outcomes) == 7
    assert len((await agent.messages(session_id)).messages) == 3


async def test_a_turn_waits_no_longer_than_it_may(store: Store, knowledge: Knowledge) -> None:
    """A message behind a turn that does not end is refused after the waiting time."""
    agent = SupportAgent(
        store, knowledge, ScriptedEngine(seconds=5), policy=AgentPolicy(lease_wait=0.05)
    )
    session = await store.create()
    first = asyncio.create_task(agent.process_message(session.session_id, "one"))
    await asyncio.sleep(0.02)
    with pytest.raises(LeaseUnavailable):
        await agent.process_message(session.session_id, "two")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_cancelled_caller_stops_nobody_else(store: Store, knowledge: Knowledge) -> None:
    """Cancelled while waiting, nothing is stored; while the engine works, the message is kept."""
    agent = SupportAgent(store, knowledge, ScriptedEngine(seconds=0.1))
    session_id = (await store.create()).session_id
    running, waiting, last = [
        asyncio.create_task(agent.process_message(session_id, text))
        for text in ("running", "waiting", "last")
    ]
    await asyncio.sleep(0.05)
    running.cancel()
    waiting.cancel()
    answer = await last
    assert answer.message == "re: last"
    assert (answer.message_count, answer.number) == (2, 3)
    assert [message.content for message in await agent.unanswered(session_id)] == ["running"]
    assert running.cancelled()
    assert waiting.cancelled()


async def test_the_first_use_sets_the_fingerprint(store: Store, knowledge: Knowledge) -> None:
    """Network and browser are tagged with the first message that tells them, and stay."""
    prints = Fingerprints(Keyring.generate())
    agent = SupportAgent(store, knowledge, ScriptedEngine(), fingerprints=prints)
    session_id = (await store.create()).session_id
    await agent.process_message(session_id, "one")
    first = await store.get(session_id)
    await agent.process_message(session_id, "two", ip_address="203.0.113.7", user_agent="curl/8")
    await agent.process_message(session_id, "three", ip_address="198.51.100.1", user_agent="wget/1")
    last = await store.get(session_id)
    assert first is not None
    assert last is not None
    assert first.fingerprint is None
    assert last.fingerprint == prints.of(ip_address="203.0.113.7", user_agent="curl/8")


async def test_get_or_create_makes_one_session(store: Store, knowledge: Knowledge) -> None:
    """However many ask at once, all get the same session with its client's fingerprint."""
    prints = Fingerprints(Keyring.generate())
    agent = SupportAgent(store, knowledge, ScriptedEngine(), fingerprints=prints)
    made = await asyncio.gather(
        *(
            agent.get_or_create_session("s-1", user_id="ann", ip_address="203.0.113.7")
            for _ in range(10)
        )
    )
    assert len({session.incarnation for session in made}) == 1
    assert made[0].user_id == "ann"
    assert made[0].fingerprint == prints.of(ip_address="203.0.113.7", user_agent=None)
    assert await agent.cleanup_session("s-1")
    assert not await agent.cleanup_session("s-1")
    with pytest.raises(SessionNotFound):
        await agent.messages("s-1")


async def test_metrics_count_all_sessions(store: Store, knowledge: Knowledge) -> None:
    """Messages and escalations are those of all live sessions."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    empty = await agent.metrics()
    assert (empty.total_messages, empty.active_sessions, empty.escalation_rate) == (0, 0, 0.0)
    assert empty.average_response_seconds is None
    for text in ("hello", "hello", "Get me a human!", "hello"):
        session = await store.create()
        await agent.process_message(session.session_id, text)
    full = await agent.metrics()
    assert (full.total_messages, full.active_sessions, full.escalation_rate) == (4, 4, 0.25)
    assert full.average_response_seconds is not None
    assert 0 < full.average_response_seconds < 5
