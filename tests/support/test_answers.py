"""Which sections of the best article make an answer."""

from holdfast.support.engines.answers import answer
from holdfast.support.engines.findings import FoundPassage
from holdfast.support.engines.small_talk import SmallTalk
from holdfast.support.knowledge import Knowledge

KAYAKS = "kayaks"


def passages(knowledge: Knowledge, document_id: str, *, first: int = 1) -> list[FoundPassage]:
    return [
        FoundPassage(
            number=number,
            article=passage.title,
            section=" > ".join(passage.heading_path),
            text=passage.text,
            score=2.0,
        )
        for number, passage in enumerate(knowledge.passages(document_id), start=first)
    ]


def told(knowledge: Knowledge, question: str) -> str:
    article = passages(knowledge, KAYAKS)
    return answer(question, article[:1], article, talk=SmallTalk())


def test_the_section_that_a_question_asks_for_is_given(knowledge: Knowledge) -> None:
    """The words of a question that few sections hold choose one."""
    assert told(knowledge, "What is the price for a day?") == (
        "A kayak costs 12 euros an hour and 50 euros a day.\n\nFrom “Rent a kayak” [3]."
    )
    assert told(knowledge, "I am bringing it back late").startswith("Each late hour")


def test_a_general_question_gets_the_beginning(knowledge: Knowledge) -> None:
    """Words that every section holds choose none."""
    assert told(knowledge, "Can I rent a kayak?").startswith("You can rent a kayak for an hour")


def test_who_asks_how_gets_the_steps_too(knowledge: Knowledge) -> None:
    """The beginning and the whole procedure, both cited."""
    given = told(knowledge, "How do I get a kayak?")
    assert given.startswith("You can rent a kayak")
    assert "1. Choose a kayak at the boathouse.\n2. Show" in given
    assert given.endswith("From “Rent a kayak” [1][2].")


def test_a_list_is_introduced() -> None:
    """Nobody is given bare items: the heading of their section says what they are."""

    def passage(section: str, text: str, number: int) -> FoundPassage:
        return FoundPassage(number=number, article="Kayaks", section=section, text=text, score=1.0)

    article = [
        passage("", "You can rent a kayak at the boathouse.", 1),
        passage("Rules > What to bring", "- A towel.\n- Dry shoes.", 2),
        passage("Lockers", "A locker for shoes costs a coin.", 3),
    ]
    given = answer("Should I bring a towel?", article[:1], article, talk=SmallTalk())
    assert given.startswith("**What to bring**\n\n- A towel.\n- Dry shoes.")
    plain = answer("Is there a locker?", article[:1], article, talk=SmallTalk())
    assert plain.startswith("A locker for shoes")


def test_how_long_is_no_question_for_steps(knowledge: Knowledge) -> None:
    """How much and how long ask for figures."""
    assert "2. Show" not in told(knowledge, "How long can I have a kayak?")


def test_articles_that_score_nearly_as_well_are_pointed_to(knowledge: Knowledge) -> None:
    """At most two others, each once; the answer itself is from the best."""
    article = passages(knowledge, KAYAKS)
    near = passages(knowledge, "lockers", first=10)
    far = [{**one, "score": 1.0} for one in passages(knowledge, "sauna", first=20)]
    found = [article[0], *near, *far]
    given = answer("Can I rent a kayak?", found, article, talk=SmallTalk())  # type: ignore[arg-type]
    assert given.endswith("From “Rent a kayak” [1]. See also “Use a locker” [10].")
