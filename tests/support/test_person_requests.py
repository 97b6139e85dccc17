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
