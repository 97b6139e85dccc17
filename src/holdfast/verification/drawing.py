"""Lanes and curves over time as SVG, without any library; `report.STYLE` gives the colours."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from math import ceil, floor, log10
from typing import Final, NamedTuple

WIDTH: Final = 960
LEFT: Final = 70
RIGHT: Final = 14
LANE: Final = 24
HEAD: Final = 20
HEIGHT: Final = 180
STEPS: Final = (0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600)

# The value at each moment; None where there is none, and the line is broken.
Points = Sequence[tuple[float, float | None]]


class Span(NamedTuple):
    """Something between two moments, in seconds; `kind` is its class, `opacity` how strong."""

    lane: int
    begin: float
    end: float
    kind: str
    title: str
    opacity: float = 1.0


class Axis(NamedTuple):
    """Time from left to right, in seconds."""

    seconds: float

    def x(self, moment: float) -> float:
        """Give the place of a moment."""
        share = min(max(moment / self.seconds, 0.0), 1.0)
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def marks(self, height: int) -> str:
        """Draw seconds below a picture."""
        step = next((step for step in STEPS if self.seconds / step <= 12), STEPS[-1])
        moments = [step * number for number in range(int(self.seconds / step) + 1)]
        return "".join(
            _line(self.x(at), 0, self.x(at), height)
            + _text(self.x(at), height + 15, f"{at:g} s", "middle")
            for at in moments
        )

    def bar(self, span: Span, *, top: float, height: float) -> str:
        """Draw a span; short ones are wide enough to be seen."""
        left = self.x(span.begin)
        width = max(self.x(span.end) - left, 2.5)
        return (
            f'<rect class="{span.kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" opacity="{span.opacity:.2f}">'
            f"<title>{escape(span.title)}</title></rect>"
        )


def lanes(
    axis: Axis, names: Sequence[str], *, rounds: Iterable[Span], spans: Iterable[Span]
) -> str:
    """Draw a lane for each name, with what happened in it, over bands for the rounds."""
    height = HEAD + LANE * len(names)
    parts = [axis.marks(height)]
    for band in rounds:
        parts.append(axis.bar(band, top=0, height=height))
        parts.append(_text(axis.x(band.begin) + 4, 13, str(band.lane), "start"))
    for place, name in enumerate(names):
        parts.append(_text(LEFT - 8, HEAD + LANE * place + 16, name, "end"))
    for span in spans:
        top = HEAD + LANE * span.lane + 3
        parts.append(axis.bar(span, top=top, height=LANE - 6))
    return _svg(height, parts)


def curves(
    axis: Axis, series: Mapping[str, Points], *, unit: Callable[[float], str], logarithmic: bool
) -> str:
    """Draw lines over time, the values from the bottom up."""
    values = (value for points in series.values() for _, value in points if value is not None)
    scale = _Scale.of(values, logarithmic)
    parts = [axis.marks(HEIGHT)]
    for value in scale.marks():
        parts.append(_line(LEFT, scale.y(value), WIDTH - RIGHT, scale.y(value)))
        parts.append(_text(LEFT - 8, scale.y(value) + 4, unit(value), "end"))
    for kind, points in series.items():
        for whole in _unbroken(points):
            places = " ".join(f"{axis.x(at):.1f},{scale.y(value):.1f}" for at, value in whole)
            parts.append(f'<polyline class="{kind}" points="{places}"/>')
    return _svg(HEIGHT, parts)


def _unbroken(points: Points) -> Iterator[list[tuple[float, float]]]:
    for known, stretch in groupby(points, key=lambda point: point[1] is not None):
        if known:
            yield [(at, value) for at, value in stretch if value is not None]


class _Scale(NamedTuple):
    """Values from the bottom up; of a logarithmic one `low` and `high` are powers of ten."""

    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, values: Iterable[float], logarithmic: bool) -> "_Scale":
        known = [value for value in values if value > 0] or [1.0]
        if logarithmic:
            low, high = floor(log10(min(known))), ceil(log10(max(known)))
            return cls(low, max(high, low + 1), True)
        return cls(0.0, max(known) * 1.08, False)

    def y(self, value: float) -> float:
        place = log10(max(value, 10.0**self.low)) if self.logarithmic else value
        return HEIGHT - 4 - (HEIGHT - 14) * (place - self.low) / (self.high - self.low)

    def marks(self) -> list[float]:
        if self.logarithmic:
            return [10.0**power for power in range(int(self.low), int(self.high) + 1)]
        power = 10.0 ** floor(log10(self.high))
        step = next(power * part for part in (0.2, 0.5, 1, 2) if self.high <= 6 * power * part)
        return [step * number for number in range(int(self.high / step) + 1)]


def _svg(height: int, parts: Iterable[str]) -> str:
    whole = height + 22
    return f'<svg viewBox="0 0 {WIDTH} {whole}" role="img">{"".join(parts)}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
