"""Measures retrieval on judged multi-turn questions: right passages first, and honest declining.

    python benchmarks/retrieval.py --data PATH

PATH holds `documents.jsonl` {id, title, text} and `queries.jsonl` {id, collection, user_turns,
answerability, relevant}, as made from IBM's MTRAG-UN. Passages are added through `Knowledge` as
plain text; a question is all the turns of the user. A passage ranks where its best chunk ranks.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.support.knowledge import Findings, Knowledge, Manuscript

_RESULTS = 10


@dataclass(frozen=True, slots=True)
class Query:
    collection: str
    user_turns: tuple[str, ...]
    answerability: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    query: Query
    ranked: tuple[str, ...]
    findings: Findings
    seconds: float

    @property
    def ndcg(self) -> float:
        """nDCG@10 with binary gains (Järvelin and Kekäläinen 2002)."""
        gain = sum(
            _discount(place)
            for place, name in enumerate(self.ranked[:_RESULTS])
            if name in self.query.relevant
        )
        ideal = sum(map(_discount, range(min(_RESULTS, len(self.query.relevant)))))
        return gain / ideal

    @property
    def recall(self) -> float:
        """R@5: the share of relevant passages among the first five."""
        return len(self.query.relevant.intersection(self.ranked[:5])) / len(self.query.relevant)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure retrieval on judged questions.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the two .jsonl files")
    folder: Path = parser.parse_args().data
    queries = list(_queries(folder / "queries.jsonl"))
    with Knowledge() as knowledge:
        started = time.perf_counter()
        count = _fill(knowledge, folder / "documents.jsonl")
        print(f"{count:,} passages added in {time.perf_counter() - started:.2f} s\n")
        answers = [_ask(knowledge, query) for query in queries]
    _print_ranking([answer for answer in answers if answer.query.relevant])
    _print_declining(answers)


def _fill(knowledge: Knowledge, path: Path) -> int:
    rows = list(_rows(path))
    for row in rows:
        knowledge.add(
            Manuscript(document_id=row["id"], title=row["title"], content=row["text"], form="text")
        )
    return len(rows)


def _ask(knowledge: Knowledge, query: Query) -> Answer:
    started = time.perf_counter()
    # Two chunks of a passage may be found, so ten passages are among the first twenty chunks.
    findings = knowledge.search(query.user_turns, limit=2 * _RESULTS)
    seconds = time.perf_counter() - started
    ranked = tuple(dict.fromkeys(passage.document_id for passage in findings.passages))
    return Answer(query, ranked, findings, seconds)


def _print_ranking(answers: Sequence[Answer]) -> None:
    print(f"{'collection':12} {'queries':>7} {'nDCG@10':>8} {'R@5':>6} {'p50 ms':>7} {'p99 ms':>7}")
    for name in sorted({answer.query.collection for answer in answers}):
        _print_row(name, [answer for answer in answers if answer.query.collection == name])
    _print_row("all", answers)


def _print_row(name: str, answers: Sequence[Answer]) -> None:
    ndcg = statistics.fmean(answer.ndcg for answer in answers)
    recall = statistics.fmean(answer.recall for answer in answers)
    times = statistics.quantiles((1000 * answer.seconds for answer in answers), n=100)
    print(f"{name:12} {len(answers):7} {ndcg:8.3f} {recall:6.3f} {times[49]:7.2f} {times[98]:7.2f}")


def _print_declining(answers: Iterable[Answer]) -> None:
    by_label: dict[str, list[float]] = {"ANSWERABLE": [], "UNANSWERABLE": []}
    for answer in answers:
        if answer.query.answerability in by_label:
            by_label[answer.query.answerability].append(answer.findings.evidence.confidence)
    answerable, unanswerable = by_label["ANSWERABLE"], by_label["UNANSWERABLE"]
    print(
        f"\nconfidence, {len(answerable)} answerable against {len(unanswerable)} unanswerable: "
        f"AUROC {_auroc(answerable, unanswerable):.3f}"
    )


def _auroc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """Say how often one of `higher` is above one of `lower`; a tie counts half."""
    wins = sum((high > low) + (high == low) / 2 for high in higher for low in lower)
    return wins / (len(higher) * len(lower))


def _discount(place: int) -> float:
    return 1 / math.log2(place + 2)


def _queries(path: Path) -> Iterator[Query]:
    for row in _rows(path):
        yield Query(
            row["collection"],
            tuple(row["user_turns"]),
            row["answerability"],
            frozenset(row["relevant"]),
        )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
