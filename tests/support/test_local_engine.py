"""The engine that needs no key: it says what the articles say, or that it does not know."""

import pytest

from holdfast.support import (
    Answer,
    Failed,
    Finished,
    Said,
    SourcesCited,
    TextDelta,
    ToolFinished,
    ToolStarted,
    Turn,
)
from holdfast.support.engines import open_engine
from holdfast.support.engines.local import LocalEngine
from holdfast.support.knowledge import Knowledge
from holdfast.support.languages import Language
from holdfast.support.library import Library

UNKNOWN = "How many moons does Jupiter have?"


async def ask(knowledge: Knowledge, text: str, *history: Said) -> Answer:
    async with open_engine() as engine:
        return await engine.answer(Turn(text=text, history=history, library=Library(knowledge)))


async def test_an_answer_is_in_the_words_of_an_article(articles: Knowledge) -> None:
    """A section is given as it stands, and its article is the first source."""
    answer = await ask(articles, "What does the warranty cover?")
    assert answer.sources[0].title == "What the warranty covers"
    assert answer.sources[0].content in answer.text
    assert f"From “{answer.sources[0].title}” [1]." in answer.text
    assert answer.tools_used == ("search_knowledge", "read_article")
    assert answer.confidence > 0.5
    assert not answer.declined


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("Where is my order?", {"Check the status of an order", "Track a parcel"}),
        ("How do I return an item?", {"Return an item"}),
        ("How long does delivery take?", {"Delivery times and costs"}),
        ("What does the warranty cover?", {"What the warranty covers"}),
    ],
)
async def test_the_questions_that_the_page_suggests_are_answered(
    articles: Knowledge, question: str, titles: set[str]
) -> None:
    """A newcomer's first click gets an answer from the right article."""
    answer = await ask(articles, question)
    assert answer.sources
    assert answer.sources[0].title in titles


@pytest.mark.parametrize("question", ["I cannot log in", "I can't sign in", "cannot sign in"])
async def test_who_cannot_sign_in_is_told_why(articles: Knowledge, question: str) -> None:
    """The article of that very name is found, however it is put."""
    answer = await ask(articles, question)
    assert answer.sources[0].title == "I cannot sign in"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("your service is absolute garbage, where the f*** is my refund", "refund"),
        ("WHERE THE FUCK IS MY REFUND", "refund"),
        ("This is ridiculous! My parcel is late.", "late"),
        ("useless shop. my damn promo code does not work", "promo code"),
    ],
)
async def test_anger_does_not_hide_a_question(articles: Knowledge, text: str, title: str) -> None:
    """What is asked is answered, whatever is said beside it."""
    answer = await ask(articles, text)
    assert title in answer.sources[0].title


@pytest.mark.parametrize("text", ["your shop is a joke", "This is ridiculous.", "you idiots!"])
async def test_anger_alone_is_no_question(articles: Knowledge, text: str) -> None:
    """No article is given for it."""
    assert (await ask(articles, text)).sources == ()


@pytest.mark.parametrize(
    ("question", "beginning"),
    [
        ("how much is tide club", "Tide Club costs"),
        ("my parcel is late", "Give a parcel 2 working days"),
        ("I was charged twice", "If you see the same amount twice"),
    ],
)
async def test_what_an_article_is_called_chooses_no_section(
    articles: Knowledge, question: str, beginning: str
) -> None:
    """All of it is about that, so its beginning is given."""
    assert (await ask(articles, question)).text.startswith(beginning)


@pytest.mark.parametrize("text", ["what???", "huh?", "why", "how", "sorry, what?"])
async def test_a_question_about_nothing_is_asked_back(articles: Knowledge, text: str) -> None:
    """There is nothing to search for."""
    assert (await ask(articles, text)).asks_back


@pytest.mark.parametrize("text", ["you are a bot arent you", "You're a bot, right?", "is this ai?"])
async def test_an_assistant_says_that_it_is_one(articles: Knowledge, text: str) -> None:
    """However it is put."""
    assert "automated agent" in (await ask(articles, text)).text


async def test_who_is_angry_is_told_sorry(articles: Knowledge) -> None:
    """Also where there is no answer."""
    answer = await ask(articles, "This is ridiculous! How many moons does Jupiter have?")
    assert answer.declined
    assert answer.text.startswith("I am sorry")


@pytest.mark.parametrize("question", ["Where is my order?", "what is tide club"])
async def test_a_short_question_is_no_vague_one(articles: Knowledge, question: str) -> None:
    """Who says what they want to know of one thing is not asked what they mean."""
    assert not (await ask(articles, question)).asks_back


async def test_what_is_not_so_is_told_apart_from_what_is(articles: Knowledge) -> None:
    """Of two sections that differ in a "not" the one that was asked for is given."""
    covered = await ask(articles, "What is covered by the warranty?")
    assert covered.text.startswith("The warranty covers faults")
    excluded = await ask(articles, "What is not covered by the warranty?")
    assert excluded.text.startswith("Normal wear")


async def test_steps_are_given_whole(articles: Knowledge) -> None:
    """Who asks how gets every step, in order."""
    answer = await ask(articles, "How do I return an item?")
    [steps] = [
        passage.text
        for passage in articles.passages("refunds/return-an-item")
        if "\n2. " in passage.text
    ]
    assert steps in answer.text


async def test_what_is_not_known_is_said_to_be_unknown(articles: Knowledge) -> None:
    """No article, no guess: no source, no confidence, the offer of a person."""
    answer = await ask(articles, UNKNOWN)
    assert answer.declined
    assert (answer.sources, answer.confidence) == ((), 0.0)
    assert "person" in answer.text


async def test_a_follow_up_is_understood_by_what_came_before(articles: Knowledge) -> None:
    """A message that leans on the one before is looked up together with it."""
    history = (Said("visitor", "What does Tide Club include?"), Said("agent", "A lot."))
    answer = await ask(articles, "How do I cancel it?", *history)
    alone = await ask(articles, "How do I cancel it?")
    wanted = "Cancel or pause a Tide Club membership"
    assert answer.sources[0].title == wanted
    assert not alone.sources or alone.sources[0].title != wanted


async def test_another_question_is_not_answered_from_the_one_before(articles: Knowledge) -> None:
    """A question of its own that nothing answers is declined, whatever was answered before."""
    answer = await ask(articles, UNKNOWN, Said("visitor", "How do I return an item?"))
    assert answer.declined


@pytest.mark.parametrize(
    "text", ["Hi!", "hello there", "Thank you so much!", "Good morning", "Bye", "Are you a bot?"]
)
async def test_small_talk_is_answered_briefly(knowledge: Knowledge, text: str) -> None:
    """Greetings and thanks get one or two sentences, and no search."""
    answer = await ask(knowledge, text)
    assert 0 < len(answer.text) < 160
    assert (answer.tools_used, answer.sources, answer.declined) == ((), (), False)


async def test_a_greeting_before_a_question_is_passed_over(articles: Knowledge) -> None:
    """A question behind a greeting is answered."""
    answer = await ask(articles, "Hello! What does the warranty cover?")
    assert answer.sources[0].title == "What the warranty covers"


async def test_an_empty_knowledge_base_knows_nothing() -> None:
    """Without articles every question is declined."""
    with Knowledge() as empty:
        assert (await ask(empty, "What is the price of a kayak?")).declined


@pytest.mark.parametrize("text", ["?!", "[1] [2]", '" OR 1=1 --', "🪢" * 100, "a " * 4000])
async def test_any_text_is_a_safe_question(knowledge: Knowledge, text: str) -> None:
    """Symbols, brackets and endless messages are questions that nothing answers."""
    answer = await ask(knowledge, text)
    assert answer.text
    assert answer.sources == ()
    assert answer.declined or answer.asks_back


@pytest.mark.parametrize(
    ("language", "text", "answer"),
    [
        ("en", "Thanks, bye!", "Goodbye"),
        ("en", "Hi, how are you?", "All is well"),
        ("en", "Hello. I have a question", "Of course."),
        ("de", "Super, vielen Dank!", "Gern geschehen."),
        ("de", "Danke - schönen Tag noch", "Auf Wiedersehen"),
    ],
)
async def test_small_talk_may_be_said_in_one_go(
    knowledge: Knowledge, language: Language, text: str, answer: str
) -> None:
    """What was said last is answered."""
    turn = Turn(text=text, history=(), library=Library(knowledge), language=language)
    told = await LocalEngine().answer(turn)
    assert told.text.startswith(answer)


async def test_an_answer_is_told_in_small_pieces(articles: Knowledge) -> None:
    """What is looked up, text between words, sources, and the whole answer at the end."""
    async with open_engine() as engine:
        turn = Turn(text="What does the warranty cover?", history=(), library=Library(articles))
        events = [event async for event in engine.stream(turn)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert events[:4] == [
        ToolStarted("search_knowledge"),
        ToolFinished("search_knowledge"),
        ToolStarted("read_article"),
        ToolFinished("read_article"),
    ]
    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert "".join(texts) == finished.answer.text
    assert len(texts) > 10
    assert events[-2] == SourcesCited(finished.answer.sources)


async def test_a_search_that_fails_is_a_failure(knowledge: Knowledge) -> None:
    """Without its articles the engine has no answer, and says so in a sentence."""
    library = Library(knowledge)
    library.search("What is the price of a kayak?")
    knowledge.close()
    async with open_engine() as engine:
        turn = Turn(text="What is the price of a kayak?", history=(), library=library)
        *before, failed = [event async for event in engine.stream(turn)]
    assert before == [ToolStarted("search_knowledge")]
    assert isinstance(failed, Failed)
    assert failed.message == "The assistant is not available at the moment."
