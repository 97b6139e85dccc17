"""Measures whether the search knows what it cannot answer, and fits what its signals weigh.

    python -m benchmarks.abstention --data PATH [--write]

PATH holds `documents.jsonl` and `queries.jsonl` as `benchmarks/retrieval.py` describes them. Of the
queries those that are answerable or unanswerable are judged, given all turns of the user. Five
folds, by the first turn, so that two questions of one conversation are never on both sides: the
weights for a fold are fitted on the other four, together with the questions about the shipped
articles in `shop_questions.json`, which are folded alike and reported apart. Nothing is chosen or
scaled on what is tested; both sources count the same. AUROC is how often an answerable question
scores above an unanswerable one.

`--write` fits on everything and writes `src/holdfast/support/knowledge/evidence.toml`. Its
intercept is moved to where the shop's questions, scored by the folds, are declined seven times of
ten when nothing answers them: they are near misses, and visitors ask far more that has an answer.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.support import load_shipped_articles
from holdfast.support.knowledge import Evidence, Knowledge, Manuscript

FOLDS: Final = 5
# Of the penalty on weights: 1 is a standard deviation of one, the usual prior. The intercepts of
# the two sources, which stand for how often each has an answer, are free.
RIDGE: Final = 1.0
FREE: Final = 1e-3
SHOP_INTERCEPT: Final = 1
# The share of questions without an answer that are to be declined.
DECLINED: Final = 0.7
SIGNALS: Final = tuple(asdict(Evidence()))
SHOP: Final = Path(__file__).with_name("shop_questions.json")
WEIGHTS: Final = Path(__file__).parents[1] / "src/holdfast/support/knowledge/evidence.toml"

Weights = list[float]


@dataclass(frozen=True, slots=True)
class Case:
    """A question, whether it can be answered, and what the search found out about it."""

    question: str
    answerable: bool
    shop: bool
    evidence: Evidence

    @property
    def fold(self) -> int:
        return int(hashlib.sha256(self.question.encode()).hexdigest(), 16) % FOLDS

    @property
    def row(self) -> list[float]:
        """The signals, behind an intercept for each source."""
        return [float(not self.shop), float(self.shop), *asdict(self.evidence).values()]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure and fit the decision to decline.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the two .jsonl files")
    parser.add_argument("--write", action="store_true", help="write the weights fitted on all")
    given = parser.parse_args()
    judged, shop = list(_judged(given.data)), list(shop_cases())
    scores = cross_validated([*judged, *shop])
    _report("MTRAG-UN", judged, scores)
    _report("shop", shop, scores)
    _report_shipped(judged, shop)
    if given.write:
        weights = fit([*judged, *shop])
        weights[SHOP_INTERCEPT] -= _threshold(
            [scores[case] for case in shop if not case.answerable]
        )
        WEIGHTS.write_text(_written(weights, judged, shop), encoding="utf-8")


def cross_validated(cases: Sequence[Case]) -> dict[Case, float]:
    """Score each case by weights that were fitted without its fold."""
    scores: dict[Case, float] = {}
    for fold in range(FOLDS):
        weights = fit([case for case in cases if case.fold != fold])
        scores |= {case: _score(weights, case) for case in cases if case.fold == fold}
    return scores


def fit(cases: Sequence[Case]) -> Weights:
    """Fit a logistic regression with a ridge, by Newton's method."""
    size = 2 + len(SIGNALS)
    ridge = [FREE, FREE, *[RIDGE] * len(SIGNALS)]
    shop = sum(case.shop for case in cases)
    worth = (len(cases) - shop) / shop
    weights = [0.0] * size
    for _ in range(50):
        slope = [ridge[i] * weights[i] for i in range(size)]
        curve = [[ridge[i] * (i == j) for j in range(size)] for i in range(size)]
        for case in cases:
            row = case.row
            counts = worth if case.shop else 1.0
            likely = 1 / (1 + math.exp(-_score(weights, case)))
            for i in range(size):
                slope[i] += counts * (likely - case.answerable) * row[i]
                for j in range(size):
                    curve[i][j] += counts * likely * (1 - likely) * row[i] * row[j]
        step = _solved(curve, slope)
        weights = [weight - part for weight, part in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-9:
            break
    return weights


def auroc(scored: Sequence[tuple[bool, float]]) -> float:
    """Say how often an answerable case is above an unanswerable one; a tie counts half."""
    higher = [score for answerable, score in scored if answerable]
    lower = [score for answerable, score in scored if not answerable]
    wins = sum((high > low) + (high == low) / 2 for high in higher for low in lower)
    return wins / (len(higher) * len(lower))


def _report(name: str, cases: Sequence[Case], scores: dict[Case, float]) -> None:
    answerable = sum(case.answerable for case in cases)
    print(f"{name}: {answerable} answerable, {len(cases) - answerable} unanswerable")
    for fold in range(FOLDS):
        tested = [(case.answerable, scores[case]) for case in cases if case.fold == fold]
        print(f"  fold {fold}: {len(tested):3} tested, AUROC {auroc(tested):.3f}")
    everything = [(case.answerable, scores[case]) for case in cases]
    print(f"  overall: AUROC {auroc(everything):.3f}")
    _report_decision(everything)


def _report_decision(scored: Sequence[tuple[bool, float]]) -> None:
    given = [answerable for answerable, score in scored if score >= 0]
    declined = [answerable for answerable, score in scored if score < 0]
    print(
        f"  answered: {len(given)}, of which {sum(given)} answerable; "
        f"declined: {len(declined)}, of which {len(declined) - sum(declined)} unanswerable\n"
    )


def _report_shipped(judged: Sequence[Case], shop: Sequence[Case]) -> None:
    print("with the weights that are shipped, which have seen all of this:")
    for name, cases in (("MTRAG-UN", judged), ("shop", shop)):
        scored = [(case.answerable, case.evidence.confidence) for case in cases]
        print(f"  {name}: AUROC {auroc(scored):.3f}")


def _threshold(scores: Sequence[float]) -> float:
    """Say which score the wanted share of unanswerable questions stays below."""
    return sorted(scores)[math.ceil(DECLINED * len(scores)) - 1] + 1e-6


def _score(weights: Weights, case: Case) -> float:
    return sum(weight * value for weight, value in zip(weights, case.row, strict=True))


def _solved(matrix: list[list[float]], vector: list[float]) -> list[float]:
    """Solve a system of linear equations by elimination."""
    size = len(vector)
    rows = [[*row, value] for row, value in zip(matrix, vector, strict=True)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda row, column=i: abs(rows[row][column]))  # type: ignore[misc]
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for below in rows[i + 1 :]:
            factor = below[i] / rows[i][i]
            for j in range(i, size + 1):
                below[j] -= factor * rows[i][j]
    found = [0.0] * size
    for i in reversed(range(size)):
        known = sum(rows[i][j] * found[j] for j in range(i + 1, size))
        found[i] = (rows[i][size] - known) / rows[i][i]
    return found


def _judged(folder: Path) -> Iterator[Case]:
    with Knowledge() as knowledge:
        for row in _rows(folder / "documents.jsonl"):
            title, content = row["title"], row["text"]
            manuscript = Manuscript(
                document_id=row["id"], title=title, content=content, form="text"
            )
            knowledge.add(manuscript)
        for row in _rows(folder / "queries.jsonl"):
            if row["answerability"] in {"ANSWERABLE", "UNANSWERABLE"}:
                answerable = row["answerability"] == "ANSWERABLE"
                evidence = knowledge.search(row["user_turns"]).evidence
                yield Case(row["user_turns"][0], answerable, shop=False, evidence=evidence)


def shop_cases() -> Iterator[Case]:
    """Search for the questions about the shipped articles."""
    questions = json.loads(SHOP.read_text(encoding="utf-8"))
    with Knowledge() as knowledge:
        load_shipped_articles(knowledge)
        for question, _ in questions["answerable"]:
            yield Case(question, True, shop=True, evidence=knowledge.search(question).evidence)
        for question in questions["unanswerable"]:
            yield Case(question, False, shop=True, evidence=knowledge.search(question).evidence)


def _written(weights: Weights, judged: Sequence[Case], shop: Sequence[Case]) -> str:
    lines = [
        "# What the signals of evidence.py weigh: a logistic regression (ridge 1) on",
        f"# {len(judged)} questions of MTRAG-UN (human part, reference passages, all turns) and",
        f"# {len(shop)} about the shipped articles (benchmarks/shop_questions.json), each source",
        "# with an intercept of its own, both counting the same. The second one's is kept, moved",
        "# to where seven of ten of its unanswerable questions were declined by weights fitted",
        "# without them. Five-fold figures and a new fit:",
        "# `python -m benchmarks.abstention --data PATH [--write]`.",
        "[weights]",
        f"intercept = {weights[SHOP_INTERCEPT]:.2f}",
        *(f"{name} = {weight:.2f}" for name, weight in zip(SIGNALS, weights[2:], strict=True)),
    ]
    return "\n".join(lines) + "\n"


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
