"""How comparisons are shown: a table for readers, a document for programs."""

import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from benchmarks.comparison import Comparison

HEADINGS = ("part", "work", "against", "ratio", "min..max", "target", "", "operations/s")
VERDICTS = {True: "reached", False: "NOT reached", None: ""}


def table(comparisons: Iterable[Comparison]) -> str:
    """Write one line a comparison, the target beside the ratio."""
    rows = [HEADINGS, *map(_row, comparisons)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _row(comparison: Comparison) -> tuple[str, ...]:
    ratios = comparison.ratios
    return (
        comparison.part,
        comparison.work,
        comparison.peer,
        f"{comparison.ratio:.2f}x",
        f"{min(ratios):.2f}..{max(ratios):.2f}",
        "" if comparison.target is None else str(comparison.target),
        VERDICTS[comparison.reached],
        f"{median(comparison.ours):,.0f} : {median(comparison.theirs):,.0f}",
    )


def document(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Give everything that was measured, and on what."""
    return {"machine": machine(), "comparisons": [each.as_json() for each in comparisons]}


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }
