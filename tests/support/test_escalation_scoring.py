"""What speaks for handing over, and how much."""

import time

import pytest

from holdfast.support.escalation import Assessment, Escalation, EscalationPolicy
from holdfast.support.escalation.scoring import WEIGHTS

CALM = "What does a kayak cost?"


def assess(text: str, *earlier: str, offered: bool = False) -> Assessment:
    return Escalation(EscalationPolicy()).assess(text, earlier=earlier, offered=offered)


def test_the_weights_are_those_of_old() -> None:
    """Keywords weigh most; all parts together pass 1, and are capped there."""
    assert dict(WEIGHTS) == {
        "keywords": 0.4,
        "sentiment": 0.2,
        "urgency": 0.2,
        "repetition": 0.1,
        "length": 0.1,
        "worsening": 0.15,
        "problems": 0.1,
    }


def test_a_calm_question_scores_nothing() -> None:
    """A question is no reason to hand over."""
    calm = assess(CALM)
    assert (calm.total, calm.escalates, calm.category, calm.priority) == (
        0.0,
        False,
        "general",
        "normal",
    )
    assert calm.reasons == ()


def test_an_explicit_request_counts_1() -> None:
    """Whatever else is said, a request for a person escalates, and nothing else is a reason."""
    asked = assess("I would like to talk to a person, please.")
    assert (asked.total, asked.escalates, asked.asked) == (1.0, True, True)
    assert asked.reasons == ("asked for a person",)


def test_a_yes_counts_after_an_offer_only() -> None:
    """The same word is a request right after a person was offered."""
    assert assess("yes please", offered=True).total == 1.0
    assert assess("yes please").total == 0.0


def test_keywords_are_whole_words_and_capped() -> None:
    """A keyword inside another word is none; many of them count as 1."""
    policy = EscalationPolicy(keywords={"urgent": 1.0, "legal": 0.9, "gas leak": 0.6})
    escalation = Escalation(policy)
    scores = {
        text: escalation.assess(text).scores["keywords"]
        for text in ("insurgents", "illegally", "GAS  LEAK here", "a legal matter", "urgent legal")
    }
    assert scores == {
        "insurgents": 0.0,
        "illegally": 0.0,
        "GAS  LEAK here": 0.6,
        "a legal matter": 0.9,
        "urgent legal": 1.0,
    }
    assert Escalation(EscalationPolicy(keywords={})).assess("urgent").scores["keywords"] == 0.0


def test_one_keyword_alone_does_not_escalate() -> None:
    """Keywords carry 0.4 at most: it takes more to reach 0.7."""
    alone = assess("Is there a legal notice?")
    assert 0 < alone.total < 0.7
    assert not alone.escalates


def test_anger_and_haste_escalate_together() -> None:
    """Keywords, bad mood and urgency reach the threshold; each is told as a reason."""
    angry = assess("This is URGENT, your service is terrible and useless. I will call my lawyer!!")
    assert angry.escalates
    assert angry.reasons[0] == "words that need a person: urgent, lawyer"
    assert {"negative sentiment", "urgency"} <= set(angry.reasons)


def test_kind_words_take_from_anger() -> None:
    """A complaint in a friendly tone counts less; negated kindness does not help."""
    harsh = assess("This is terrible.").scores["sentiment"]
    friendly = assess("Thank you, you are great, but this is terrible.").scores["sentiment"]
    negated = assess("Not great, this is terrible.").scores["sentiment"]
    assert friendly < harsh == negated


def test_shouting_makes_anger_louder() -> None:
    """Capitals or exclamation marks add to what is said, and are nothing by themselves."""
    assert assess("THIS IS TERRIBLE").scores["sentiment"] == 0.75
    assert assess("MY KAYAK NUMBER IS 12!!").scores["sentiment"] == 0.0


def test_repeating_counts_by_how_often() -> None:
    """Asked again counts half, a third time whole; another question counts nothing."""
    again = "So what does one kayak cost?"
    assert assess(CALM, again).scores["repetition"] == 0.5
    assert assess(CALM, again, again).scores["repetition"] == 1.0
    assert assess(CALM, "Where is the sauna?").scores["repetition"] == 0.0


def test_the_eleventh_message_makes_it_long() -> None:
    """More than ten messages count, ten do not."""
    earlier = [f"question number {number}" for number in range(10)]
    assert assess("one more", *earlier).scores["length"] == 1.0
    assert assess("one more", *earlier[1:]).scores["length"] == 0.0


def test_a_worsening_mood_counts() -> None:
    """Pleased, then angry counts; angry from the beginning does not."""
    assert assess("This is awful and ridiculous", "Thanks, great!").scores["worsening"] == 1.0
    assert assess("This is awful", "This is awful").scores["worsening"] == 0.0
    assert assess("This is awful").scores["worsening"] == 0.0


def test_several_problems_count() -> None:
    """Two problems count half, two joined by "also" or three count whole."""
    assert assess("My tent is broken").scores["problems"] == 0.0
    assert assess("My tent is broken, the pole missing").scores["problems"] == 0.5
    assert assess("My tent is broken, also a pole is missing").scores["problems"] == 1.0


@pytest.mark.parametrize(
    ("text", "category", "priority"),
    [
        ("I will take you to court", "legal", "high"),
        ("I smell gas, this is an emergency", "urgent", "urgent"),
        ("This is unacceptable", "complaint", "normal"),
        ("Can I talk to a person?", "general", "normal"),
    ],
)
def test_a_ticket_is_sorted(text: str, category: str, priority: str) -> None:
    """What a message is about decides who takes it first."""
    sorted_as = assess(text)
    assert (sorted_as.category, sorted_as.priority) == (category, priority)


@pytest.mark.parametrize("text", ["x" * 8000, "not good " * 800, "!" * 8000, "also broken " * 600])
def test_a_long_message_is_assessed_in_no_time(text: str) -> None:
    """The longest message behind a hundred others takes a fraction of a second."""
    escalation = Escalation(EscalationPolicy())
    began = time.process_time()
    escalation.assess(text, earlier=[text] * 100)
    assert time.process_time() - began < 2.0
