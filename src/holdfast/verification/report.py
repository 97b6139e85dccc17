"""A result as one HTML page, which asks nothing of anybody: no script, no font, no request."""

import platform
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Final

from holdfast.verification.drawing import Axis, Span, curves, lanes
from holdfast.verification.measuring import SECOND
from holdfast.verification.result import Result

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #667788; --paper: #fff; --line: #dfe5ea;
  --busy: #2f7fb5; --slow: #c2571a; --good: #1d7a46; --bad: #b3261e; --band: #f1f5f8;
  --tint: #f6e3ad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9ee; --soft: #93a3b1; --paper: #14191e;
  --line: #2b353e; --busy: #5fb0e6; --slow: #f0965a; --good: #5cc98b; --bad: #ff8a80;
  --band: #1b2229; --tint: #4a3f1c; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem }
p { color: var(--soft); margin: .2rem 0 .6rem }
.good { color: var(--good) } .bad { color: var(--bad) }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 600 } td, th { border-bottom: 1px solid var(--line);
  padding: .25rem .6rem .25rem 0; vertical-align: top } td.n, th.n { text-align: right }
.facts th { width: 8rem; color: var(--soft); font-weight: 400 }
pre { white-space: pre-wrap; border-left: 3px solid var(--bad); padding: .2rem .8rem;
  overflow-x: auto; font-size: 12.5px }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--soft); font-size: 11px }
svg line { stroke: var(--line); stroke-width: 1 } polyline { fill: none; stroke-width: 1.8 }
rect.round { fill: var(--band) } rect.cancel { fill: var(--tint) } rect.busy { fill: var(--busy) }
polyline.busy { stroke: var(--busy) }
polyline.slow { stroke: var(--slow) } rect.kill { fill: var(--bad) } rect.pause { fill: #8a63b8 }
rect.block { fill: var(--slow) }
rect.delay, rect.freeze, rect.trickle { fill: #2a9d8f }
rect.cut, rect.half, rect.swallow, rect.garbage { fill: #c8467a }
rect.server-pause { fill: #8a63b8 } rect.server-kill, rect.restart { fill: var(--bad) }
.wide { overflow-x: auto } .wide svg { min-width: 40rem }
@media (max-width: 40rem) { body { font-size: 12px; margin: 1rem auto } }
.key { display: inline-block; width: .8em; height: .8em;
  margin: 0 .3em 0 1em; border-radius: 2px }
"""
KEYS: Final = {
    "operations": "var(--busy)", "killed": "var(--bad)", "stopped": "#8a63b8",
    "event loop blocked": "var(--slow)", "calls cancelled": "var(--tint)",
    "network slow": "#2a9d8f", "connection cut": "#c8467a",
}  # fmt: skip


def write_report(result: Result, path: Path) -> None:
    """Write the page.

    Raises:
        OSError: it could not be written.
    """
    path.write_text(page(result), encoding="utf-8")


def page(result: Result) -> str:
    """Make the page."""
    body = "\n".join([*_head(result), *_pictures(result), *_tables(result)])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>holdfast verify</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _head(result: Result) -> Iterator[str]:
    kind = "good" if result.ok else "bad"
    verdict = "no anomaly" if result.ok else f"anomalies: {result.anomalies:,}"
    yield f'<h1>holdfast verify: <span class="{kind}">{verdict}</span></h1>'
    parts = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"holdfast {version('holdfast')}",
        f"Python {platform.python_version()}",
    ]
    if result.plan.url.startswith("sqlite:"):
        parts.append(f"SQLite {sqlite3.sqlite_version}")
    yield f"<p>{' · '.join(parts)}</p>"
    rows = (
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in result.facts()
    )
    yield f'<table class="facts">{"".join(rows)}</table>'
    if not result.ok:
        yield "<h2>Anomalies</h2>"
        yield from (f"<pre>{escape(finding)}</pre>" for finding in result.shown())


def _pictures(result: Result) -> Iterator[str]:
    axis = Axis(max(result.seconds, 0.1))
    yield "<h2>Workers</h2>"
    yield f"<p>Bands are rounds, checked one by one.{_keys()}</p>"
    names = [f"worker {place}" for place in range(result.plan.processes)]
    if any(one.place == result.plan.processes for one in result.suffered):
        names.append("server")
    spans = [*_business(result), *_blows(result)]
    yield _wide(lanes(axis, names, rounds=_bands(result), spans=spans))
    speeds, width = result.measures.speeds, result.measures.width
    slices = [(at * width, speeds.get(at)) for at in range(max(speeds, default=0) + 1)]
    yield "<h2>Operations a second</h2>"
    rate = {"busy": _rate(result)}
    yield _wide(curves(axis, rate, unit=_short, logarithmic=False))
    yield "<h2>Duration of operations</h2><p>The median, and the 99th of a hundred (orange).</p>"
    slow = [(at, speed.slowest if speed else None) for at, speed in slices]
    median = [(at, speed.median if speed else None) for at, speed in slices]
    yield _wide(curves(axis, {"slow": slow, "busy": median}, unit=_duration, logarithmic=True))


def _keys() -> str:
    return "".join(
        f'<span class="key" style="background:{colour}"></span>{name}'
        for name, colour in KEYS.items()
    )


def _rate(result: Result) -> list[tuple[float, float | None]]:
    """Give the operations a second, none where workers were at it and nothing was answered."""
    measures = result.measures
    rates: dict[int, float] = {}
    for one in result.rounds:
        rates |= dict.fromkeys(range(*map(measures.slice_of, (one.begin, one.end))), 0.0)
    for place, speed in measures.speeds.items():
        rates[place] = speed.answered / measures.width
    return [(at * measures.width, rates.get(at)) for at in range(max(rates, default=0) + 1)]


def _wide(part: str) -> str:
    """Let a part be moved that is wider than the screen."""
    return f'<div class="wide">{part}</div>'


def _bands(result: Result) -> Iterator[Span]:
    for one in result.rounds:
        title = f"round {one.number}: {', '.join(one.faults) or 'no faults'}"
        kind = "cancel" if "cancel" in one.faults else "round"
        yield Span(one.number, *_seconds(result, one.begin, one.end), kind, title)


def _business(result: Result) -> Iterator[Span]:
    """Show how many operations each worker finished, by the strength of the colour."""
    measures = result.measures
    most = max(measures.busy.values(), default=1)
    for (process, place), count in sorted(measures.busy.items()):
        if process.startswith("w"):
            begin = place * measures.width
            strength = 0.15 + 0.6 * count / most
            title = f"{count:,} operations"
            lane = int(process.removeprefix("w"))
            yield Span(lane, begin, begin + measures.width, "busy", title, strength)


def _blows(result: Result) -> Iterator[Span]:
    for one in result.suffered:
        begin, end = _seconds(result, one.begin, one.end)
        title = f"{one.fault} at {begin:.2f} s, {end - begin:.2f} s long"
        yield Span(one.place, begin, end, one.fault, title)


def _seconds(result: Result, *moments: int) -> tuple[float, float]:
    begin, end = ((moment - result.measures.began) / SECOND for moment in moments)
    return begin, end


def _tables(result: Result) -> Iterator[str]:
    yield "<h2>Kinds of operation</h2>"
    head = ["", "answered", "refused", "no answer", "median", "99th of 100"]
    yield _table(
        head,
        1,
        (
            [kind, *(f"{count:,}" for count in tally[:3]), *map(_duration, tally[3:])]
            for kind, tally in result.measures.tallies().items()
        ),
    )
    yield "<h2>Rounds</h2>"
    head = ["", "faults", "operations", "orders found", "not settled", "anomalies"]
    yield _table(
        head,
        2,
        (
            [
                f"{one.number}",
                ", ".join(one.faults) or "none",
                *(f"{n:,}" for n in (one.operations, one.settled, one.undecided, one.anomalies)),
            ]
            for one in result.rounds
        ),
    )


def _table(head: Sequence[str], words: int, rows: Iterable[Sequence[str]]) -> str:
    """Make a table whose first columns are words, and the others numbers."""
    body = "".join(f"<tr>{_cells('td', words, row)}</tr>" for row in rows)
    return _wide(f"<table><tr>{_cells('th', words, head)}</tr>{body}</table>")


def _cells(tag: str, words: int, texts: Sequence[str]) -> str:
    return "".join(
        f"<{tag}{' class=n' if place >= words else ''}>{escape(text)}</{tag}>"
        for place, text in enumerate(texts)
    )


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _duration(seconds: float) -> str:
    if not seconds:
        return ""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
