"""Visitors who write German are answered in German, and understood when they ask for a person."""

import time

import pytest

from holdfast.support import Incoming, SupportAgent
from holdfast.support.engine import Turn
from holdfast.support.engines.local import LocalEngine
from holdfast.support.escalation.requests import PersonRequests
from holdfast.support.knowledge import Knowledge
from holdfast.support.languages import Language, spoken
from holdfast.support.library import Library
from tests.support.conftest import Store

REQUESTS = """
Ich möchte bitte mit einem Menschen sprechen.
Kann ich mit einem Mitarbeiter reden?
Ich will sofort mit jemandem vom Support sprechen!
Verbinden Sie mich mit einem echten Menschen
Bitte verbinden Sie mich mit dem Kundenservice.
Leiten Sie mich bitte an einen Kollegen weiter
Ich brauche einen Menschen
Ich hätte gern einen Ansprechpartner
Gibt es hier einen echten Menschen?
Mitarbeiter, bitte!
Einen Menschen bitte
Mensch
Könnte ich mit einer Kundenberaterin telefonieren?
ich moechte mit einem menschen chatten
Stellen Sie mich zu einem Berater durch
Bitte einen Mitarbeiter!
Ich möchte keinen Bot, sondern einen echten Menschen.
""".strip().splitlines()

OTHERS = """
Ich möchte nicht mit einem Menschen sprechen.
Ich habe gestern mit einem Mitarbeiter gesprochen.
Wie viele Menschen passen in das Zelt?
Gibt es Rabatt für Mitarbeiter?
Kann ich die Bestellung mit einer Karte bezahlen?
Für wie viele Personen ist das Zelt?
Ihr Mitarbeiter war sehr freundlich.
Kann ich an eine andere Adresse liefern lassen?
Wie lange dauert die Lieferung?
Ich möchte das ohne mit jemandem zu sprechen klären.
Nennen Sie mir bitte Personen, die das Zelt fasst.
""".strip().splitlines()


@pytest.mark.parametrize("text", REQUESTS)
def test_a_request_is_recognised(text: str) -> None:
    """Also without umlauts, and in any case."""
    assert PersonRequests().asks(text)
    assert PersonRequests().asks(text.upper())


@pytest.mark.parametrize("text", OTHERS)
def test_what_only_sounds_like_a_request_is_none(text: str) -> None:
    """Refusals, and sentences about people."""
    assert not PersonRequests().asks(text)


@pytest.mark.parametrize("text", ["Ja", "Ja, bitte!", "gerne", "OK", "Ja, das wäre gut."])
def test_an_offer_is_accepted(text: str) -> None:
    """A short yes accepts."""
    assert PersonRequests().accepts(text)
    assert not PersonRequests().accepts(f"{text} aber erst der Preis")


@pytest.mark.parametrize(
    "text", ["nicht " * 1300, "mit einem " * 800, "verbinden mit " * 550, "echten " * 1100]
)
def test_a_tedious_message_is_read_in_no_time(text: str) -> None:
    """The longest message takes milliseconds, whatever it repeats."""
    requests, began = PersonRequests(), time.process_time()
    requests.asks(text)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie lange dauert die Lieferung?", "de"),
        ("How long does delivery take?", "en"),
        ("Hallo", "de"),
        ("hello there", "en"),
        ("Kann ich den Kajak-Verleih stornieren?", "de"),
        ("Can I die-cut the box?", "en"),
    ],
)
def test_a_message_shows_its_language(text: str, language: Language) -> None:
    """Whatever was said before it, and whatever the page's language is."""
    other = {"en": ("Danke für die Hilfe", "de"), "de": ("Thank you for the help", "en")}
    before, preferred = other[language]
    assert spoken(text, before=[before], preferred=preferred) == language


def test_where_nothing_shows_the_conversation_or_the_page_says() -> None:
    """A number is in every language."""
    assert spoken("4711", before=["Wo ist meine Bestellung?", "#12"]) == "de"
    assert spoken("4711", preferred="de-AT") == "de"
    assert spoken("4711", preferred=["de"]) == spoken("4711") == "en"


async def answered(knowledge: Knowledge, text: str) -> str:
    turn = Turn(text=text, history=(), library=Library(knowledge), language="de")
    return (await LocalEngine().answer(turn)).text


async def test_small_talk_is_answered_in_german(knowledge: Knowledge) -> None:
    """Briefly, without a search."""
    assert await answered(knowledge, "Guten Tag!") == "Hallo! Womit kann ich Ihnen helfen?"
    assert (await answered(knowledge, "Vielen Dank")).startswith("Gern geschehen.")
    assert (await answered(knowledge, "Sind Sie ein Bot?")).startswith("Ich bin ein automat")
    told = await answered(knowledge, "Meine Bestellnummer ist A-1234567")
    assert told.startswith("Danke, ich habe mir notiert: Bestellnummer A-1234567.")


async def test_it_asks_back_and_declines_in_german(knowledge: Knowledge) -> None:
    """And points to what it found in German words."""
    assert (await answered(knowledge, "Ich habe ein Problem")).endswith("Konto oder ein Produkt?")
    assert (await answered(knowledge, "Was kostet der Flug zum Mond?")).startswith("Dazu habe ich")
    assert "Aus „Rent a kayak“ [1]." in await answered(knowledge, "price kayak hour day rent")


async def test_a_conversation_is_handed_over_in_german(store: Store, knowledge: Knowledge) -> None:
    """After an offer that was accepted; a page says its language with the conversation."""
    agent = SupportAgent(store, knowledge, LocalEngine())
    session_id = (await store.create(metadata={"language": "de"})).session_id
    for said in ("Was kostet der Flug zum Mond?", "ok"):
        async with agent.run(session_id, Incoming(text=said)) as run:
            async for _ in run.events():
                pass
            answer = await run.complete()
    assert answer.message.startswith("Ich habe dieses Gespräch an einen Menschen")
    assert str(answer.ticket_id) in answer.message
    async with agent.run(session_id, Incoming(text="Ich brauche einen Menschen")) as run:
        again = await run.complete()
    assert again.message.startswith("Dieses Gespräch liegt schon bei unserem Team, unter dem")
