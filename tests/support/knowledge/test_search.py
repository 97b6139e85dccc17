"""Finding passages, and knowing when there is nothing to find."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.support.knowledge import Evidence, Knowledge, Manuscript
from holdfast.support.knowledge.question import MOST_IDEAS, Arm, Question
from holdfast.support.knowledge.stemmer import Stemmer
from holdfast.support.knowledge.thesaurus import Name, Thesaurus
from holdfast.support.knowledge.vocabulary import Vocabulary

ARTICLES = {
    "refunds": "# Refunds\n\nRefunds take five days.\n\n## By card\n\nBanks take longer.",
    "parcels": "# Track a parcel\n\nOpen the link in the email to follow the parcel.",
    "passwords": "# Reset a password\n\nChoose **Forgot password** and open the link we send.",
    "lamps": "# Clean a lamp\n\nWipe the lamp with a soft cloth.",
    "stoves": "# Store a stove\n\nKeep the stove dry in winter.",
}

HOSTILE = [
    "",
    " \t\n",
    "the of and",
    '"',
    '"""refund"""',
    "refund' OR 1=1 --",
    "refund NEAR parcel",
    "NEAR(refund parcel, 5)",
    "AND OR NOT",
    "refund*",
    "^refund",
    "body:refund",
    "{title body}: refund",
    "- refund + parcel",
    "(((",
    "refund\0parcel",
    "\ud800 refund",
    "x" * 50_000,
    "refund " * 8_000,
    " ".join(f"word{number}" for number in range(8_000)),
    "¿?!…—“”",
    "退款 を 환불",
    "e\u0301t\u00e9",
    "don't can't won\u2019t cannot isnt",
]


@pytest.fixture
def filled(knowledge: Knowledge) -> Knowledge:
    fill(knowledge)
    return knowledge


@pytest.fixture(scope="module")
def untouched() -> Iterator[Knowledge]:
    with Knowledge() as opened:
        fill(opened)
        yield opened


def fill(knowledge: Knowledge) -> None:
    for document_id, content in ARTICLES.items():
        knowledge.add(Manuscript(document_id=document_id, content=content))


def test_a_passage_says_where_it_stands(filled: Knowledge) -> None:
    """A citation has document, title, headings, anchor and version."""
    best = filled.search("banks take longer").passages[0]
    assert (best.document_id, best.title, best.heading_path) == ("refunds", "Refunds", ("By card",))
    assert (best.anchor, best.uri, best.version, best.rank) == (
        "by-card",
        "kb:refunds#by-card",
        1,
        1,
    )
    assert best.text == "Banks take longer."


def test_passages_come_best_first_and_no_more_than_asked_for(filled: Knowledge) -> None:
    """Ranks count from one and scores fall."""
    found = filled.search("refund parcel password lamp stove", limit=3).passages
    assert [passage.rank for passage in found] == [1, 2, 3]
    assert sorted((passage.score for passage in found), reverse=True) == [
        passage.score for passage in found
    ]


def test_one_document_gives_at_most_two_passages(filled: Knowledge) -> None:
    """A long article does not fill the result."""
    sections = "".join(f"\n## Part {number}\n\nA refund of kind {number}.\n" for number in range(9))
    filled.add(Manuscript(document_id="long", content="# All refunds\n" + sections))
    found = [passage.document_id for passage in filled.search("refund", limit=10).passages]
    assert found.count("long") == 2
    assert "refunds" in found


@pytest.mark.parametrize(
    ("question", "document_id"),
    [
        ("How do I get my money back?", "refunds"),
        ("where is my package", "parcels"),
        ("I forgot my passcode", "passwords"),
        ("my lantern is dirty", "lamps"),
    ],
)
def test_an_article_is_found_under_other_names(
    filled: Knowledge, question: str, document_id: str
) -> None:
    """The thesaurus knows what customers call things."""
    assert filled.search(question).passages[0].document_id == document_id


def test_keywords_find_an_article_and_are_not_shown(filled: Knowledge) -> None:
    """An author adds the words that customers use."""
    filled.add(
        Manuscript(document_id="wool", content="---\nkeywords: knitwear\n---\n# Jumpers\n\nSoft.")
    )
    [found] = filled.search("knitwear").passages
    assert (found.document_id, found.text) == ("wool", "Soft.")
    assert [passage.text for passage in filled.passages("wool")] == ["Soft."]


def test_a_title_that_is_asked_for_whole_comes_before_one_that_says_more(
    filled: Knowledge,
) -> None:
    """Of two titles that hold the question, the one with less beside it is meant."""
    rival = "# Lamps that nobody but their maker may ever clean\n\nSend the lamp."
    filled.add(Manuscript(document_id="rival", content=rival))
    filled.add(Manuscript(document_id="lamps", content="# Clean lamps\n\nRead this first."))
    assert filled.search("How do I clean lamps?").passages[0].document_id == "lamps"


def test_a_follow_up_is_about_what_was_spoken_of_before(filled: Knowledge) -> None:
    """Earlier turns of the user decide where the last one alone says nothing."""
    assert filled.search(["Tell me about the stove", "and in winter?"]).passages[0].document_id == (
        "stoves"
    )
    assert filled.search(["About my lamp", "what about it?"]).passages[0].document_id == "lamps"


def test_the_last_turn_weighs_more_than_those_before(filled: Knowledge) -> None:
    """A user who changes the subject is followed."""
    turns = ["How do I clean a lamp with a cloth?", "Now, how do I store the stove?"]
    assert filled.search(turns).passages[0].document_id == "stoves"


def test_the_sentence_that_asks_weighs_more_than_the_story_beside_it(filled: Knowledge) -> None:
    """What a customer tells first decides less than what is asked, whichever comes first."""
    story, question = "My lamp is in the parcel.", "Do I store the stove dry?"
    assert filled.search(f"{story} {question}").passages[0].document_id == "stoves"
    told = filled.search(f"{story} {question}").evidence
    assert told.title > filled.search(f"{story} {question[:-1]}.").evidence.title


def test_a_search_sees_documents_of_its_audiences_only(filled: Knowledge) -> None:
    """However many hidden documents match, the visible ones are found."""
    for number in range(120):
        content = f"# Refund refund {number}\n\nrefund refund refund"
        filled.add(Manuscript(document_id=f"staff-{number}", content=content, audience="staff"))
    public = {passage.document_id for passage in filled.search("refund", limit=50).passages}
    assert public == {"refunds"}
    everyone = filled.search("refund", limit=50, audiences=("public", "staff")).passages
    assert len(everyone) == 50
    assert filled.search("refund", audiences=()).passages == ()


@pytest.mark.parametrize("turns", [*HOSTILE, HOSTILE, []])
def test_no_text_breaks_a_search(filled: Knowledge, turns: str | list[str]) -> None:
    """Quotes, operators, NUL, half characters and 50 kB are words or nothing."""
    found = filled.search(turns)
    assert all(passage.document_id in ARTICLES for passage in found.passages)


@given(st.lists(st.text(), max_size=3))
def test_any_text_is_a_safe_question(untouched: Knowledge, turns: list[str]) -> None:
    """Nothing that a user can type is read as query syntax."""
    evidence = untouched.search(turns).evidence
    assert 0.0 <= evidence.confidence <= 1.0


def test_each_word_of_a_query_is_quoted() -> None:
    """What reaches the index holds no bare word that could be read as an operator."""
    names = (
        Name(("gift", "card"), ("gift", "card"), frozenset({"gift", "card"})),
        Name(("near",), ("near",), frozenset({"near"})),
    )
    assert Arm(1.0, names).expression == '("gift" AND "card") OR ("near")'


def test_operators_are_words(filled: Knowledge) -> None:
    """`NOT` excludes nothing."""
    assert filled.search("lamp NOT wipe").passages[0].document_id == "lamps"


def test_a_long_question_is_cut_to_its_rarest_ideas(filled: Knowledge) -> None:
    """What most chunks hold goes first, what none holds before that."""
    stemmer = Stemmer()
    vocabulary = Vocabulary(stemmer)
    words = " ".join(f"word{number}" for number in range(100))
    question = Question.of(
        words + " refund cloth", vocabulary=vocabulary, thesaurus=Thesaurus(vocabulary)
    )
    stemmer.close()
    assert len(question.ideas) > MOST_IDEAS
    assert filled.search(words + " refund cloth").passages[0].document_id in {"refunds", "lamps"}


@pytest.mark.parametrize(
    "question",
    [
        "What is the weather in Lisbon?",
        "How do I open a bank account?",
        "Write a sorting function in Rust",
        "Which tablets help against a headache?",
        "",
    ],
)
def test_a_question_beyond_the_articles_has_no_sufficient_evidence(
    filled: Knowledge, question: str
) -> None:
    """The agent declines instead of quoting the nearest article."""
    assert not filled.search(question).evidence.sufficient


@pytest.mark.parametrize("request_", ["Write a poem about a lamp", "Tell me a joke about a stove"])
def test_one_word_in_common_supports_nothing(filled: Knowledge, request_: str) -> None:
    """What a document scores for its strongest word alone is no support."""
    evidence = filled.search(request_).evidence
    assert evidence.coverage > 0
    assert evidence.support == 0
    assert not evidence.sufficient


def test_a_word_of_a_long_keyword_names_less_than_a_keyword_of_its_own() -> None:
    """A sentence among the keywords does not make each of its words a name of the subject."""
    content = "---\nkeywords: knitwear, can I wash this pullover\n---\n# Wool\n\nSoft."
    with Knowledge() as shop:
        shop.add(Manuscript(document_id="wool", content=content))
        whole, part = (shop.search(word).evidence.title for word in ("knitwear", "pullover"))
        assert whole == 1
        assert 0 < part < whole


@pytest.mark.parametrize("question", ["How do I reset my password?", "clean my lamp"])
def test_a_question_that_an_article_names_has_sufficient_evidence(
    filled: Knowledge, question: str
) -> None:
    """Confidence is above one half exactly when the evidence is sufficient."""
    evidence = filled.search(question).evidence
    assert evidence.sufficient
    assert evidence.confidence >= 0.5


def test_no_evidence_has_no_confidence() -> None:
    """An empty knowledge base answers nothing."""
    assert not Evidence().sufficient
    assert Evidence().confidence < 0.05
    with Knowledge() as empty:
        assert empty.search("refund").evidence == Evidence()
