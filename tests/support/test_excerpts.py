"""The part of a long passage that answers."""

from holdfast.support.engines.excerpt import SHORT, excerpt, has_steps

FILLER = "Our harbour has been here for a very long time and is loved by all who visit it. " * 4
STEPS = "To claim, do this:\n\n1. Keep the parcel.\n2. Take photos.\n3. Write to us."


def test_a_short_passage_is_given_whole() -> None:
    """Nothing is left out of what fits."""
    text = "First.\n\n- one\n- two\n\nLast."
    assert excerpt(text, "anything") == text


def test_the_sentences_that_answer_are_chosen() -> None:
    """Of a long passage the sentence with the question's words comes out, in place."""
    text = f"{FILLER}\n\nParcels that arrive damaged are replaced. {FILLER}\n\n{FILLER}"
    given = excerpt(text, "My parcel is damaged, is it replaced?")
    assert "Parcels that arrive damaged are replaced." in given
    assert len(given) <= SHORT


def test_steps_stay_whole() -> None:
    """A list is given with the line that introduces it, all of it or nothing."""
    given = excerpt(f"{FILLER}\n\n{STEPS}\n\n{FILLER}{FILLER}", "How do I claim with photos?")
    assert STEPS in given


def test_the_order_of_the_passage_is_kept() -> None:
    """What comes first in the passage comes first in the answer, whichever fits better."""
    text = f"Anchors rust. {FILLER}\n\n{FILLER}\n\nAnchors and chains rust in salt water."
    given = excerpt(text, "Do anchors and chains rust in salt water?")
    assert given == "Anchors rust. Anchors and chains rust in salt water."


def test_two_numbered_lines_are_steps() -> None:
    """One number at the beginning of a line is none."""
    assert has_steps(STEPS)
    assert not has_steps("1. January is a holiday.")
