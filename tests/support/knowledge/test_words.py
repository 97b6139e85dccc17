"""The data files of the search, and how words are read."""

from collections.abc import Iterator

import pytest

from holdfast.support.knowledge.ideas import ideas
from holdfast.support.knowledge.stemmer import Stemmer
from holdfast.support.knowledge.thesaurus import Thesaurus
from holdfast.support.knowledge.vocabulary import Vocabulary, lines


@pytest.fixture
def vocabulary() -> Iterator[Vocabulary]:
    stemmer = Stemmer()
    yield Vocabulary(stemmer)
    stemmer.close()


def test_words_are_stemmed_as_the_index_stems_them(vocabulary: Vocabulary) -> None:
    """Accents, case and endings do not matter."""
    assert vocabulary.stems("Refunded refunding REFUNDS") == ["refund"] * 3
    assert vocabulary.stems("Café cafe\u0301") == ["cafe", "cafe"]


@pytest.mark.parametrize(
    "text",
    ["It does not work", "it doesn't work", "it doesn\u2019t work", "doesnt work", "isn't working"],
)
def test_all_ways_to_negate_are_one(vocabulary: Vocabulary, text: str) -> None:
    """Auxiliary verbs are passed over and the negation stays."""
    assert vocabulary.stems(text) == ["not", "work"]


def test_words_are_forgotten_before_they_fill_the_memory(vocabulary: Vocabulary) -> None:
    """Any number of strange words may be asked for."""
    for start in range(0, 60_000, 5_000):
        text = " ".join(f"w{number}" for number in range(start, start + 5_000))
        assert len(vocabulary.stems(text)) == 5_000
    assert vocabulary.stems("refunds w1") == ["refund", "w1"]


def test_a_name_is_found_with_a_word_in_between(vocabulary: Vocabulary) -> None:
    """`send the lamp back` holds `send back`."""
    thesaurus = Thesaurus(vocabulary)
    found = thesaurus.mentions(vocabulary.words("send the lamp back"))
    assert ("send", "back") in {mention.said for mention in found}


def test_the_words_of_a_phrase_count_less_beside_it(vocabulary: Vocabulary) -> None:
    """A phrase is understood as one thing."""
    found = ideas("a gift card", vocabulary=vocabulary, thesaurus=Thesaurus(vocabulary))
    weights = {idea.key: idea.weight for idea in found}
    assert max(weights["gift"], weights["card"]) <= 0.7 * weights["gift card"]


def test_every_name_of_the_thesaurus_has_words(vocabulary: Vocabulary) -> None:
    """No entry consists of fillers alone, and each line names a thing."""
    for line in lines("synonyms.txt"):
        called, _, said = line.partition("<")
        names = [name for name in (*called.split(","), *said.split(",")) if name.strip()]
        assert called.strip(), line
        assert all(vocabulary.stems(name) for name in names), line
