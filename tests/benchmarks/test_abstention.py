"""The decision to decline: how its weights are fitted, and what they are worth."""

import random
from dataclasses import asdict
from typing import Any

from benchmarks.abstention import SIGNALS, Case, auroc, cross_validated, fit, shop_cases
from holdfast.support.knowledge import Evidence
from holdfast.support.knowledge.evidence import evidence_weights


def case(number: int, *, answerable: bool, **signals: float) -> Case:
    shop = number % 2 == 0
    return Case(f"question {number}", answerable, shop=shop, evidence=Evidence(**signals))


def test_every_signal_is_weighed() -> None:
    """The shipped file has a weight for each signal, and none for anything else."""
    assert set(evidence_weights()) == {"intercept", *asdict(Evidence())}


def test_a_telling_signal_is_found() -> None:
    """Where one signal decides, it gets the weight, and noise gets little."""
    chance = random.Random(1)
    cases = [
        case(
            number, answerable=number % 3 > 0, coverage=float(number % 3 > 0), topic=chance.random()
        )
        for number in range(120)
    ]
    weights = dict(zip(("", "", *SIGNALS), fit(cases), strict=True))
    assert weights["coverage"] > 2
    assert abs(weights["topic"]) < 1
    scores = cross_validated(cases)
    assert auroc([(one.answerable, scores[one]) for one in cases]) > 0.99


def test_chance_is_not_learnt_from_what_is_tested() -> None:
    """Labels that nothing tells are not told by the folds: the test part is not trained on."""
    chance = random.Random(2)
    cases = [
        case(number, answerable=chance.random() < 0.5, **_noise(chance)) for number in range(400)
    ]
    scores = cross_validated(cases)
    assert 0.4 < auroc([(one.answerable, scores[one]) for one in cases]) < 0.6


def test_auroc_counts_pairs() -> None:
    """How often an answerable case is above an unanswerable one; a tie is half."""
    assert auroc([(True, 2.0), (True, 1.0), (False, 1.0), (False, 0.0)]) == 3.5 / 4


def test_the_shipped_weights_tell_what_the_articles_answer() -> None:
    """On the questions about the shipped articles the confidence is worth 0.85 and more."""
    told = [(one.answerable, one.evidence.confidence) for one in shop_cases()]
    assert auroc(told) >= 0.85
    declined = [confidence < 0.5 for answerable, confidence in told if not answerable]
    answered = [confidence >= 0.5 for answerable, confidence in told if answerable]
    assert sum(declined) / len(declined) >= 0.65
    assert sum(answered) / len(answered) >= 0.85


def _noise(chance: random.Random) -> dict[str, Any]:
    return {name: chance.random() for name in SIGNALS}
