"""Questions that could mean several things, and what comes after them."""

import pytest

from holdfast.support import Answer, Said, SupportAgent, Turn
from holdfast.support.engines import open_engine
from holdfast.support.knowledge import Knowledge
from holdfast.support.library import Library
from tests.support.conftest import Store


async def ask(knowledge: Knowledge, text: str, *history: Said) -> Answer:
    async with open_engine() as engine:
        return await engine.answer(Turn(text=text, history=history, library=Library(knowledge)))


@pytest.mark.parametrize("text", ["card", "My account", "I have a question about gifts", "radio?"])
async def test_a_bare_subject_is_asked_about(articles: Knowledge, text: str) -> None:
    """Articles that fit alike are named, with their sources, and none is chosen for the visitor."""
    answer = await ask(articles, text)
    assert answer.asks_back
    assert not answer.declined
    assert 3 <= len(answer.sources) <= 4
    assert all(source.title in answer.text for source in answer.sources)
    assert "tell me a little more" in answer.text


@pytest.mark.parametrize("text", ["It does not work", "I have a problem", "There is an issue"])
async def test_a_message_without_a_subject_is_asked_about(articles: Knowledge, text: str) -> None:
    """Nothing can be searched for; what it is about is asked."""
    answer = await ask(articles, text)
    assert answer.asks_back
    assert (answer.sources, answer.tools_used) == ((), ())


@pytest.mark.parametrize(
    "text", ["What does the warranty cover?", "How do I return an item?", "Track a parcel"]
)
async def test_a_clear_question_is_answered(articles: Knowledge, text: str) -> None:
    """Who says what is asked is not asked again."""
    answer = await ask(articles, text)
    assert not answer.asks_back
    assert answer.sources


async def test_the_reply_goes_on_with_the_question(articles: Knowledge) -> None:
    """What was asked before and what is said now are one question."""
    asked = await ask(articles, "I have a problem")
    history = (Said("visitor", "I have a problem"), Said("agent", asked.text))
    answer = await ask(articles, "with a missing refund", *history)
    assert answer.sources[0].title == "My refund is missing or lower than expected"
    alone = await ask(articles, "radio", *(Said("visitor", "My radio"), Said("agent", asked.text)))
    assert not alone.asks_back


async def test_asking_back_is_an_outcome_of_its_own(store: Store, articles: Knowledge) -> None:
    """It is neither an answer nor a refusal, and offers no person."""
    async with open_engine() as engine:
        agent = SupportAgent(store, articles, engine)
        session_id = (await store.create()).session_id
        answer = await agent.process_message(session_id, "card")
        assert (answer.metadata["outcome"], answer.ticket_id) == ("clarifying", None)
        after = await agent.process_message(session_id, "yes")
        assert after.ticket_id is None


@pytest.mark.parametrize(
    ("before", "text", "title"),
    [
        ("What does Tide Club include?", "How much is it?", "Tide Club price and renewal"),
        ("How can I pay?", "In instalments too?", "Pay in instalments"),
        (
            "How do I cancel an order?",
            "And change the address?",
            "Change the delivery address on an order",
        ),
        (
            "How do I earn Tide Points?",
            "They are missing from my account",
            "My Tide Points are missing",
        ),
        # A new subject is not pulled back to the old one.
        ("How do I return an item?", "What payment methods do you accept?", "Ways to pay"),
        ("Do you deliver to Norway?", "I forgot my password", "Reset a forgotten password"),
    ],
)
async def test_a_follow_up_is_understood(
    articles: Knowledge, before: str, text: str, title: str
) -> None:
    """A message is read together with what came before it where it has to be."""
    answer = await ask(articles, text, Said("visitor", before), Said("agent", "So."))
    assert answer.sources[0].title == title
