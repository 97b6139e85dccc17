"""Who asks for a person, and who only speaks of one."""

import time

import pytest

from holdfast.support.escalation.requests import PersonRequests

REQUESTS = """
I would like to talk to a person, please.
Can I speak to someone?
agent
Human please
real person, please!
I need a human
Let me talk to your manager
put me through to an agent
connect me with a live representative
I want to speak with customer service
Is there a human I can talk to?
Can I have a person?
give me a real human being
TALK TO A PERSON
get me a supervisor now
speak to human
transfer me to a customer service rep
I don't understand this, let me talk to a person
could you pass me to one of your colleagues?
I'd rather speak to a person
I want to talk to a person who knows tents
Please escalate this to a manager
I hate bots. Give me an agent!
this is not working, I need a person
I'd prefer talking to a human
I do not want a bot, I want a human
why can't I speak to a human?
Kundendienst bitte
Kundenservice bitte!
Support, bitte
bitte Kundenservice
Kundendienst
Kundenservice
can a human help me
Can a human help me?
can a real person help me with this?
Could a human being look at this?
can somebody from support help me?
is a human available?
Is anyone there?
Is there anybody there I can speak to
Are there any humans here?
can one of your agents help me please
can a person call me back?
can an employee take a look at my case
Will a human answer me?
customer service please
customer support please
Support team please
live agent
live chat with a person
kann mir ein Mensch helfen
Kann mir ein Mensch helfen?
Kann mir hier ein echter Mensch helfen?
Kann mir jemand von Ihnen helfen?
Kann ein Mitarbeiter mir helfen?
Kann sich ein Mitarbeiter bei mir melden?
Kann sich bitte jemand vom Kundenservice darum kümmern?
Könnte ein Mensch sich das ansehen?
Ist da ein Mensch?
Ist hier ein echter Mensch?
Hilft mir hier auch ein Mensch?
Ich möchte zum Kundenservice
Ich will den Kundendienst sprechen
Kann ich den Kundenservice sprechen?
Kundenbetreuung bitte.
ein Mensch bitte
Bitte ein Mensch
Mensch bitte
menschliche Hilfe bitte
I want human help
I need human assistance
human help please
can I get help from a human
I want help from a real person
let a human handle this
Please have an agent contact me
Can an actual human assist me?
could a member of staff help me with my refund?
is a real person available right now?
Kann mir bitte ein Mitarbeiter weiterhelfen?
Kundensupport, bitte!
Könnte mir jemand aus dem Team helfen?
Human support please
I'd like human help
Ich hätte gern menschliche Unterstützung
Ist jemand da, mit dem ich reden kann?
can I get help from a member of staff
Would an agent take a look at my order?
are any real people online?
let me have a human please
I need human support
Kundenberatung bitte
Kann mir denn kein Mensch helfen?
Ist da jemand?
Gibt es hier einen Menschen, der mir hilft?
Ich will zum Support
""".strip().splitlines()

OTHERS = """
I don't want to talk to a person
my person
my person please
I do not need to speak to a human
I never asked to speak to a manager
I'd rather not talk to a person
No need to speak to anyone
without having to talk to an agent
instead of talking to a person
I have to ask my manager
I talked to my manager
my friend spoke to an agent yesterday
someone used my account
a person stole my package
the person who delivered it was rude
are you a real person?
How do I contact customer service?
I want a representative sample
I need a two-person tent
Do you sell a 2-person tent?
is there a staff discount?
Is there a person limit for the tent
I want a person's name on the gift
personal data
Can two people sleep in the tent?
can I return a gift?
how do humans return an item?
is there an agent for shipping labels
is there an agent for shipping labels?
Can a person use two promo codes?
can a human carry this tent alone?
Can one person set up the tent?
can somebody else return my parcel for me?
can someone else collect my parcel?
Can someone use my account without my password?
can a friend help me pay?
Can a neighbour help me with the parcel?
can the app help me find my size?
is a person needed to sign for the parcel?
What are your customer service hours?
When is customer support open?
Is customer service available on Sundays?
where is the service manual
How do I find the phone number of support?
what does customer service cost?
Wie erreiche ich den Kundenservice?
Wann ist der Kundendienst erreichbar?
Wie lautet die Telefonnummer vom Kundendienst?
Kostet der Kundenservice etwas?
Ist der Kundenservice am Sonntag erreichbar?
Der Kundenservice hat mir gesagt, dass ich warten soll
Kann ein Mensch das Zelt alleine aufbauen?
Kann jemand anderes mein Paket abholen?
Kann mein Nachbar das Paket annehmen?
Ist das Zelt für einen Menschen gedacht?
Wie viele Personen passen in das Zelt?
Kann mir jemand anderes das Paket zurückschicken?
Gibt es einen Rabatt für Mitarbeiter?
Kann ein Kind die Lampe bedienen?
Can a human being survive in this sleeping bag at -20?
are you a human?
bist du ein Mensch?
Sind Sie ein echter Mensch?
Is anyone in the parcel shop on Sunday?
Is there anyone who delivers on Sundays?
does the support pole help me in the wind?
tent support pole please
I need a human-sized sleeping bag
customer service was great, thanks
Der Kundendienst war super, danke
can you help me?
Kannst du mir helfen?
help me
Hilfe bitte
Können Sie mir bitte helfen?
can somebody tell me how to return an item?
Kann mir jemand sagen, wie ich etwas zurückgebe?
Does a person have to be at home for the delivery?
Will someone call me before the delivery?
Ruft mich der Fahrer vor der Lieferung an?
call me a taxi
When will you call me back?
can a person return an order as a guest?
How can humans with allergies use the sleeping bag?
Is there an agent in Portugal who does repairs?
can anyone join Tide Club?
Kann ein Mensch in dem Zelt stehen?
Ist der Kundendienst telefonisch erreichbar?
Hat der Kundenservice meine E-Mail bekommen?
Kann jemand mit meiner Karte bezahlen?
could a battery help me start the stove
is customer support included in Tide Club?
is there a manager for passwords you recommend?
Are there people who return opened tents?
Will a courier help me carry it?
have people complained about this stove?
Kann meine Mutter mit meiner Karte bezahlen?
Wird mir der Fahrer helfen, das Paket zu tragen?
gibt es einen Support für den Reißverschluss?
Ich möchte zum Abholpunkt
Kann mir jemand das Paket an die Tür bringen?
is support for the lamp still available?
is there someone to sign for the parcel required
could a customer return a gift
do agents get a discount
Soll ich jemanden zum Abholen schicken?
""".strip().splitlines()


@pytest.mark.parametrize("text", REQUESTS)
def test_a_request_is_recognised(text: str) -> None:
    """People ask in many ways, in any case, with straight or curly apostrophes."""
    assert PersonRequests().asks(text)
    assert PersonRequests().asks(text.replace("'", "\u2019"))


@pytest.mark.parametrize("text", OTHERS)
def test_what_only_sounds_like_a_request_is_none(text: str) -> None:
    """Refusals, questions about people, and people of the visitor's own ask for nobody."""
    assert not PersonRequests().asks(text)


@pytest.mark.parametrize("text", ["yes", "Yes, please!", "OK", "sure", "go ahead."])
def test_an_offer_is_accepted(text: str) -> None:
    """A short yes accepts; it asks for nobody by itself."""
    requests = PersonRequests()
    assert requests.accepts(text)
    assert not requests.asks(text)


@pytest.mark.parametrize("text", ["no", "no thanks", "yes but first tell me the price", "maybe"])
def test_other_words_do_not_accept(text: str) -> None:
    """Only a yes that stands alone accepts."""
    assert not PersonRequests().accepts(text)


@pytest.mark.parametrize("text", ["not " * 2000, "talk to a " * 800, "real " * 1600, "a" * 8000])
def test_a_tedious_message_is_read_in_no_time(text: str) -> None:
    """The longest message takes milliseconds, whatever it repeats."""
    began = time.process_time()
    PersonRequests().asks(text)
    assert time.process_time() - began < 1.0
