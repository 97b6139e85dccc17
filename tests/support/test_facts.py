"""What a visitor tells of themselves: heard, remembered for a while, used, forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast import InvalidSession
from holdfast.session import Fact
from holdfast.support import AgentPolicy, SupportAgent, Turn
from holdfast.support.engines import open_engine
from holdfast.support.facts import MOST_FACTS, heard, live_facts, newest, remember, without
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.conftest import Store
from tests.support.scripted_engine import ScriptedEngine

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def told(text: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.value) for fact in heard(text, now=NOW)]


def fact(kind: str, value: str, *, hours: float = 24, importance: float = 0.5) -> Fact:
    return Fact.model_validate(
        {
            "kind": kind,
            "value": value,
            "importance": importance,
            "expires_at": NOW + timedelta(hours=hours),
        }
    )


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (
            "Write to ann.b+shop@mail.example.org, please.",
            [("email", "ann.b+shop@mail.example.org")],
        ),
        ("My order number is AB-12345.", [("order", "AB-12345")]),
        ("order 778812 is late", [("order", "778812")]),
        ("Where is #ab12345?", [("order", "AB12345")]),
        ("Bestellnummer: 4711-22", [("order", "4711-22")]),
        ("Call +49 (170) 123-4567 after six", [("phone", "+49 (170) 123-4567")]),
        ("Call +4222222222222", [("phone", "+4222222222222")]),
        ("Call 0170123456783 now", [("phone", "0170123456783")]),
        ("I'd prefer the blue one. Thanks", [("preference", "I'd prefer the blue one")]),
        (
            "Order no. 12345, reach me at x@y.example or 0170 1234567",
            [("email", "x@y.example"), ("order", "12345"), ("phone", "0170 1234567")],
        ),
    ],
)
def test_what_a_message_tells_is_heard(text: str, facts: list[tuple[str, str]]) -> None:
    """Addresses, numbers and wishes, as they were written."""
    assert told(text) == facts


@pytest.mark.parametrize(
    "text",
    [
        "I ordered two lamps for 120.50 euros on 2026-01-15 at 10:30",
        "Is the order late?",
        "It arrived on 24.12.2025",
        "a@b",
        "#1",
        "My card is 3782 822463 10005",
        "Charged to 4222222222222 twice",
        "30569309025904",
        "x" * 8000,
        "1" * 8000,
        "@" * 4000 + "." * 4000,
    ],
)
def test_other_text_tells_nothing(text: str) -> None:
    """Dates, prices and fragments are no way to reach anybody, and no text takes long."""
    assert told(text) == []


def test_a_fact_matters_and_lasts_by_its_kind() -> None:
    """How to reach somebody is worth more than a wish, and holds longer."""
    [email, wish] = heard("Mail a@b.example. I prefer mornings.", now=NOW)
    assert email.importance > wish.importance
    assert email.expires_at == NOW + timedelta(hours=24)
    assert wish.expires_at < email.expires_at


def test_told_again_a_fact_is_the_newest() -> None:
    """Each value is kept once, the one told last counts."""
    known = remember([], heard("order 11111", now=NOW), now=NOW)
    known = remember(known, heard("order 22222", now=NOW), now=NOW)
    known = remember(known, heard("order 11111", now=NOW), now=NOW)
    assert [one.value for one in known] == ["22222", "11111"]
    assert newest(known, "order") == "11111"
    assert newest(known, "email") is None


def test_what_has_expired_is_gone() -> None:
    """A fact holds until its time, and is neither used nor kept after it."""
    old, young = fact("order", "1", hours=0), fact("order", "2", hours=1)
    assert live_facts([old, young], now=NOW) == (young,)
    assert remember([old, young], [], now=NOW) == (young,)


def test_a_hundred_facts_are_kept() -> None:
    """Beyond that the least important go first, and of these the oldest."""
    wishes = [fact("preference", f"wish {number}") for number in range(MOST_FACTS)]
    order = fact("order", "12345", importance=1.0)
    kept = remember([order, *wishes], [fact("preference", "newest wish")], now=NOW)
    assert len(kept) == MOST_FACTS
    assert kept[0] == order
    assert kept[-1].value == "newest wish"
    assert "wish 1" not in {one.value for one in kept}


def test_a_question_is_searched_for_without_what_it_tells() -> None:
    """Numbers and addresses are left out; the word for an order stays."""
    assert without("Where is my order #12345? a@b.example") == "Where is my order?"
    assert without("Has order no. AB-123 left?") == "Has order left?"
    assert without("12345") == "12345"


async def test_facts_stay_with_the_session_and_are_shown_to_nobody(
    store: Store, knowledge: Knowledge
) -> None:
    """They are kept beside the conversation, sealed like it, and given to the engine."""
    engine = ScriptedEngine()
    agent = SupportAgent(store, knowledge, engine)
    session_id = (await store.create()).session_id
    await agent.process_message(session_id, "I am ann@mail.example, order 12345")
    await agent.process_message(session_id, "Where is it?")
    session = await store.get(session_id)
    assert session is not None
    assert {(one.kind, one.value) for one in session.facts} == {
        ("email", "ann@mail.example"),
        ("order", "12345"),
    }
    assert [one.value for one in engine.turns[1].facts] == ["ann@mail.example", "12345"]
    assert "facts" not in session.model_dump()
    other = (await store.create()).session_id
    await agent.process_message(other, "Where is it?")
    assert engine.turns[2].facts == ()


async def test_how_long_facts_are_kept_is_set(store: Store, knowledge: Knowledge) -> None:
    """With no hours nothing is remembered; otherwise a fact ends with them."""
    for hours in (0.0, 2.0):
        policy = AgentPolicy(memory_hours=hours)
        agent = SupportAgent(store, knowledge, ScriptedEngine(), policy=policy)
        session_id = (await store.create()).session_id
        await agent.process_message(session_id, "order 12345")
        session = await store.get(session_id)
        assert session is not None
        assert [one.value for one in session.facts] == (["12345"] if hours else [])
        for one in session.facts:
            left = one.expires_at - datetime.now(UTC)
            assert timedelta(hours=1.9) < left <= timedelta(hours=2)
    with pytest.raises(InvalidSession, match="memory_hours"):
        AgentPolicy(memory_hours=-1)


async def test_an_answer_names_the_order(articles: Knowledge) -> None:
    """A question about an order is answered for the one that was told; others are not."""
    facts = (fact("order", "12345"),)
    async with open_engine() as engine:

        async def ask(text: str) -> str:
            turn = Turn(text=text, history=(), library=Library(articles), facts=facts)
            return (await engine.answer(turn)).text

        assert (await ask("Where is my order?")).startswith("About your order 12345:")
        assert "12345" not in await ask("What does the warranty cover?")


async def test_who_only_tells_something_is_thanked(articles: Knowledge) -> None:
    """A message without a question is acknowledged, and nothing is searched for."""
    async with open_engine() as engine:
        turn = Turn(text="My order number is 12345", history=(), library=Library(articles))
        answer = await engine.answer(turn)
    assert "order number 12345" in answer.text
    assert answer.tools_used == ()


async def test_a_ticket_says_how_to_reach_the_visitor(store: Store, knowledge: Knowledge) -> None:
    """The person gets what was told, and the visitor reads that they have it."""
    agent = SupportAgent(store, knowledge, ScriptedEngine())
    session_id = (await store.create()).session_id
    await agent.process_message(session_id, "I am ann@mail.example, order 12345")
    answer = await agent.process_message(session_id, "Get me a human!")
    assert answer.message.endswith(
        "They have your order number 12345 and your e-mail address ann@mail.example."
    )
    ticket = await agent.ticket(session_id)
    assert ticket is not None
    assert ticket.facts == ("- order number: 12345", "- e-mail address: ann@mail.example")
    assert "order number 12345" in ticket.summary
