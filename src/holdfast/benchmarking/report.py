"""How results are shown: tables for readers, a document for programs."""

import os
import platform
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from statistics import median
from typing import Any, Final

from holdfast.benchmarking.audit import Tally
from holdfast.benchmarking.comparison import Comparison
from holdfast.benchmarking.running import Outcome

HEADINGS: Final = ("store", "work", "against", "ratio", "min..max", "target", "operations/s")
AUDIT_HEADINGS: Final = ("store", "on one session", "asked", "refused", "acknowledged", "lost")
VERDICTS: Final = {True: "reached", False: "NOT reached", None: ""}
REMARKS: Final = (
    "A ratio is our rate by the other's: the median of interleaved rounds, and their range.",
    "Our stores seal what they keep with AES-256-GCM; the others here keep it in the clear.",
    "A turn is two messages: one call where the store takes both, two where it takes one event.",
    "Stores of 1,000,000 sessions are left out: filling them takes longer than the run may.",
)


def text(outcome: Outcome) -> str:
    """Write all that a reader needs, ratios first."""
    parts = [*_comparisons(outcome.comparisons), *_left(outcome.tallies), *_notes(outcome)]
    return "\n".join(parts)


def document(outcome: Outcome) -> dict[str, Any]:
    """Give everything that was measured, and on what."""
    return {
        "machine": machine(),
        "versions": versions(outcome),
        "scale": outcome.scale._asdict(),
        "comparisons": [each.as_json() for each in outcome.comparisons],
        "left": [
            each._asdict() | {"refused": each.refused, "lost": each.lost}
            for each in outcome.tallies
        ],
        "durability": outcome.settings,
        "failures": {f"{name}: {case}": why for (name, case), why in outcome.failures.items()},
        "missing_packages": outcome.missing,
    }


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }


def versions(outcome: Outcome) -> dict[str, str]:
    """Give the versions of what took part."""
    return {
        package: version(package)
        for package in sorted({entrant.package or "holdfast" for entrant in outcome.entrants})
    }


def _comparisons(comparisons: Sequence[Comparison]) -> Iterator[str]:
    between = [each for each in comparisons if not each.scaling]
    alone = [each for each in comparisons if each.scaling]
    for title, some in (("Against others", between), ("Against itself", alone)):
        if some:
            yield f"\n{title}\n"
            yield table(HEADINGS, map(_row, some))


def _row(each: Comparison) -> tuple[str, ...]:
    ratios = each.ratios
    target = "" if each.target is None else f">= {each.target:g}x {VERDICTS[each.reached]}"
    return (
        each.store,
        str(each.case),
        each.against.amount if each.scaling else each.peer,
        shown(each.ratio),
        f"{shown(min(ratios))}..{shown(max(ratios))}",
        target,
        " : ".join(map(_per_second, (each.ours, each.theirs))),
    )


def _per_second(rates: Sequence[float]) -> str:
    middle = median(rates)
    return f"{middle:,.0f}" if middle >= 10 else f"{middle:.2g}"


def _left(tallies: Sequence[Tally]) -> Iterator[str]:
    if tallies:
        yield f"\nWhat {tallies[0].callers} callers left on one session\n"
        rows = (
            (
                each.store,
                each.work,
                *map(str, (each.asked, each.refused, each.acknowledged, each.lost)),
            )
            for each in tallies
        )
        yield table(AUDIT_HEADINGS, rows)


def _notes(outcome: Outcome) -> Iterator[str]:
    yield "\nDurability, as each store answers\n"
    yield table(("store", "settings"), outcome.settings.items())
    if outcome.failures:
        yield "\nLeft out because it failed\n"
        rows = ((name, str(case), why) for (name, case), why in outcome.failures.items())
        yield table(("store", "work", "error"), rows)
    for package in outcome.missing:
        yield f"\nNot installed, left out: {package} (dependency group `bench`)"
    yield ""
    yield from REMARKS
    packages = ", ".join(f"{name} {number}" for name, number in versions(outcome).items())
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    yield f"Measured on: {facts}. Versions: {packages}."


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows under their headings, a column as wide as its widest cell."""
    written = [tuple(headings), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*written, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in written
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def shown(ratio: float) -> str:
    """Write a ratio with the digits that mean something."""
    digits = 0 if ratio >= 100 else 1 if ratio >= 10 else 2 if ratio >= 0.1 else 3
    return f"{ratio:,.{digits}f}x"
